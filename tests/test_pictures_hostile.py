"""Hostile files through the real form of a real server: a sentence at the field, nothing sent to the model, and memory
that stays bounded."""

from __future__ import annotations

import base64
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from conftest import KEY
from house import check
from PIL import Image
from soak.parts import free_port
from test_images import bombs, chunk, corners, exif, saved
from test_server import environment, running

from demo.server import Demo

MOST_MEGABYTES = 400  # beside what the server takes by itself: one picture of 20 million pixels, decoded and written
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
FULL_PNG = saved(Image.new("RGB", (5000, 4000), "white"))

REFUSED = {
    "0 bytes": (b"", "This file is empty."),
    "svg": (SVG, "SVG is not taken, because it can hold script."),
    "svg with a picture's name": (b"<?xml version='1.0'?>" + SVG, "SVG is not taken"),
    "truncated jpeg": (saved(corners((600, 400)), "JPEG")[:-700], "cut off or damaged"),
    "truncated png": (saved(corners())[:-30], "cut off or damaged"),
    "html": (b"<!doctype html><script>alert(1)</script>", "This is not a picture that can be read here."),
    "program": (b"\x7fELF" + bytes(1000), "This is not a picture that can be read here."),
    "pdf": (b"%PDF-1.7\n" + bytes(1000), "This is a PDF."),
    "heic": (b"\0\0\0\x18ftypheic" + bytes(100), "HEIC and AVIF cannot be read here."),
    "one pixel too many": (saved(Image.new("L", (5000, 4001))), "5,000 × 4,001 pixels; at most 20 million are taken."),
    **{f"bomb, {name}": (data, "pixels; at most 20 million are taken.") for name, data in bombs().items()},
}
TAKEN = {
    "polyglot": saved(corners()) + b"PK\x03\x04<script>alert(1)</script>",
    "huge exif": saved(corners(), exif=exif(1, more=b"x" * 5_000_000)),
    "text that unpacks": FULL_PNG[:33] + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000))) + FULL_PNG[33:],
}


@pytest.fixture(scope="module")
def server(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int, float]]:
    """The address of `runserver.py` in front of the digits, and its process id, and its memory in MB so far."""
    port = free_port()
    settings = {"URL": demo.urls["digits"], "API_KEY": KEY, "TASK": "image-classification", "RATE_LIMIT": "off"}
    env = environment(tmp_path_factory.mktemp("data"), **settings)
    with running([sys.executable, "runserver.py", "--port", str(port)], port, env) as process:
        url = f"http://127.0.0.1:{port}/"
        requests.post(url, files={"image": ("a.png", saved(corners()))}, timeout=20)  # Pillow is there from now on
        yield url, process.pid, megabytes(process.pid) if sys.platform == "linux" else 0.0


def megabytes(pid: int) -> float:
    """The most memory that the process ever had (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@pytest.mark.parametrize("name", REFUSED)
def test_the_form_says_what_is_wrong(server: tuple[str, int, float], name: str) -> None:
    data, message = REFUSED[name]
    files = {"image": ("picture.jpg", data, "image/jpeg")}
    answer = requests.post(server[0], files=files, timeout=20)
    assert answer.status_code == 422
    page = check(answer.text)
    assert message in answer.text
    assert "Nothing was sent to the model." in answer.text
    assert any(a.get("aria-invalid") == "true" for a in page.all("input") if a.get("type") == "file")
    in_text = requests.post(server[0], data={"image": base64.b64encode(data).decode()}, timeout=20)
    assert (in_text.status_code, not data or message in in_text.text) == (422, True), "as programs send it"


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_more_than_a_picture_is_sent_as_a_picture(server: tuple[str, int, float], name: str) -> None:
    answer = requests.post(server[0], files={"image": ("picture.png", TAKEN[name])}, timeout=30)
    assert answer.status_code in (200, 422, 502), "the model may say that there is no digit"
    check(answer.text)
    tick = next(a for a in check(answer.text).all("input") if a.get("value", "").startswith("kept:"))
    kept = requests.get(f"{server[0]}answers/{tick['value'][5:]}/picture", timeout=20)
    assert kept.content[:4] == b"\x89PNG"
    assert b"script" not in kept.content
    assert len(kept.content) < 100_000


def test_a_hundred_megabytes_are_turned_away(server: tuple[str, int, float]) -> None:
    try:
        answer = requests.post(server[0], files={"image": ("big.png", FULL_PNG + bytes(100 * 2**20))}, timeout=30)
    except requests.ConnectionError:  # it is not read to its end
        return
    assert answer.status_code == 413


@pytest.mark.skipif(sys.platform != "linux", reason="the most memory of another process is told by Linux alone")
def test_memory_stays_bounded(server: tuple[str, int, float]) -> None:
    for data in [*(data for data, _ in REFUSED.values()), *TAKEN.values(), FULL_PNG]:
        requests.post(server[0], files={"image": ("a.png", data)}, timeout=30)
    assert megabytes(server[1]) - server[2] < MOST_MEGABYTES
