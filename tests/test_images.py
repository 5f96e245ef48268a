"""Pictures: files of strangers, hostile ones too, made here; the pixels that come out; tensors, boxes and pieces."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from FlaskAppAML import images
from FlaskAppAML.images import Picture, boxes, crop, draw_boxes, in_pixels, label_text, layout_of, read, tensor
from FlaskAppAML.results import Box, Boxes
from FlaskAppAML.schema import Upload
from FlaskAppAML.schema.values import InvalidValue

ROOT = Path(__file__).resolve().parent.parent
SECRET = b"Taken at home, 52.1 N 4.3 E"
RED, GREEN, BLUE, GREY = (220, 30, 30), (30, 200, 30), (30, 30, 220), (128, 128, 128)
FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "", "GIF": "image/png", "BMP": "", "TIFF": ""}


def corners(size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Red, green / blue, grey: which way up it is can be told."""
    image = Image.new("RGB", size, GREY)
    wide, high = size[0] // 2, size[1] // 2
    for colour, place in ((RED, (0, 0)), (GREEN, (wide, 0)), (BLUE, (0, high))):
        image.paste(colour, (*place, place[0] + wide, place[1] + high))
    return image


def photo(size: tuple[int, int] = (200, 150), mode: str = "RGB") -> Image.Image:
    """Many colours."""
    dice = random.Random(7)
    small = Image.frombytes("RGB", (20, 15), dice.randbytes(900))
    return small.resize(size, Image.Resampling.BICUBIC).convert(mode)


def saved(image: Image.Image, kind: str = "PNG", **about: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **about)
    return out.getvalue()


def pixels(picture: Picture | bytes) -> Image.Image:
    image = Image.open(io.BytesIO(picture.data if isinstance(picture, Picture) else picture))
    image.load()
    return image


def at(image: Image.Image, x: float, y: float) -> tuple[int, ...]:
    """The colour at fractions of the sides."""
    found = image.convert("RGB").getpixel((int(x * image.width), int(y * image.height)))
    assert isinstance(found, tuple)
    return tuple(int(value) for value in found)


def near(one: tuple[int, ...], other: tuple[int, ...], by: int = 12) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidValue) as caught:
        read(data)
    return str(caught.value)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def exif(rotation: int, order: str = "<", more: bytes = b"") -> bytes:
    """A TIFF directory with the tag for the rotation alone."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "IHHHIHHI", 8, 1, 274, 3, 1, rotation, 0, 0) + more


# -- Formats


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read_by_what_is_in_it(kind: str) -> None:
    """Not by its name, which lies here."""
    found = read(Upload(saved(corners(), kind), "letter.pdf", "application/pdf"))
    assert (found.width, found.height) == (64, 48)
    assert pixels(found).size == (64, 48)
    for (x, y), colour in {(0.25, 0.25): RED, (0.75, 0.25): GREEN, (0.25, 0.75): BLUE, (0.75, 0.75): GREY}.items():
        assert near(at(pixels(found), x, y), colour), kind


@pytest.mark.parametrize(
    ("image", "kind", "about", "outcome"),
    [
        (photo(), "JPEG", {}, "image/jpeg"),
        (corners(), "JPEG", {}, "image/jpeg"),
        (photo(), "PNG", {}, "image/jpeg"),
        (corners(), "PNG", {}, "image/png"),
        (corners().convert("P"), "PNG", {}, "image/png"),
        (photo(mode="L"), "PNG", {}, "image/png"),
        (photo(mode="RGBA"), "PNG", {}, "image/jpeg"),
        (photo(), "WEBP", {"lossless": True}, "image/jpeg"),
        (corners(), "WEBP", {"lossless": True}, "image/png"),
        (corners(), "TIFF", {"compression": "tiff_lzw"}, "image/png"),
        (corners(), "TIFF", {"compression": "tiff_adobe_deflate"}, "image/png"),
        (corners(), "TIFF", {"compression": "packbits"}, "image/png"),
        (corners().convert("1"), "TIFF", {}, "image/png"),
        (photo(mode="CMYK"), "JPEG", {}, "image/jpeg"),
        (photo(mode="CMYK"), "TIFF", {}, "image/jpeg"),
        (photo(mode="L"), "JPEG", {"progressive": True}, "image/jpeg"),
    ],
)
def test_png_stays_where_it_is_worth_it(image: Image.Image, kind: str, about: dict[str, Any], outcome: str) -> None:
    data = saved(image, kind, **about)
    found = read(data)
    assert found.content_type == outcome
    assert found.data.startswith(b"\x89PNG" if outcome == "image/png" else b"\xff\xd8")
    theirs, ours = pixels(data).convert("RGB"), pixels(found).convert("RGB")
    assert sum(a != b for a, b in zip(theirs.tobytes(), ours.tobytes(), strict=True)) == 0 or near(
        at(theirs, 0.6, 0.4), at(ours, 0.6, 0.4), 25
    )


def test_what_is_without_losses_comes_out_as_it_went_in() -> None:
    few = corners().quantize(16)
    for data in (saved(corners()), saved(corners(), "BMP"), saved(corners(), "TIFF"), saved(few), saved(few, "GIF")):
        assert pixels(read(data)).convert("RGB").tobytes() == corners().tobytes()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_kept(kind: str) -> None:
    image = photo().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    found = read(saved(image, kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert found.content_type == "image/png"
    assert pixels(found).getchannel("A").tobytes() == image.getchannel("A").tobytes()


def test_a_colour_that_is_none_is_transparency_too() -> None:
    gif = read(saved(corners().convert("P"), "GIF", transparency=corners().convert("P").getpixel((0, 0))))
    png = read(saved(Image.new("RGB", (8, 8), RED), transparency=RED))
    for found in (gif, png):
        assert pixels(found).getchannel("A").getextrema()[0] == 0


def test_sixteen_bits_become_eight() -> None:
    image = Image.new("I;16", (8, 8), 0x8000)
    for kind in ("PNG", "TIFF"):
        assert pixels(read(saved(image, kind))).convert("L").getpixel((3, 3)) == 128


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in (RED, GREEN, BLUE)]
    for kind in ("GIF", "WEBP", "PNG"):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)
        assert near(at(pixels(read(data)), 0.5, 0.5), RED, 25), kind
        assert getattr(pixels(read(data)), "n_frames", 1) == 1


def test_pages_are_not_chosen_for_anybody() -> None:
    assert "several pages" in refusal(saved(corners(), "TIFF", save_all=True, append_images=[photo()]))


def test_a_photo_of_a_phone_that_holds_a_second_one() -> None:
    """A multi-picture file (MPO) is a JPEG with more behind it."""
    data = saved(corners(), "MPO", save_all=True, append_images=[photo()])
    assert near(at(pixels(read(data)), 0.25, 0.25), RED)


# -- Size


@pytest.mark.parametrize(
    ("size", "most", "outcome"),
    [
        ((3000, 1000), 2048, (2048, 683)),
        ((1000, 3000), 500, (167, 500)),
        ((2048, 2048), 2048, (2048, 2048)),
        ((10, 5), 2048, (10, 5)),
        ((5000, 1), 100, (100, 1)),
    ],
)
def test_shrunk_and_never_grown(size: tuple[int, int], most: int, outcome: tuple[int, int]) -> None:
    for kind in ("JPEG", "PNG"):
        found = read(saved(corners(size) if min(size) > 1 else Image.new("RGB", size, RED), kind), most)
        assert (found.width, found.height) == pixels(found).size == outcome


def test_shrinking_keeps_the_picture() -> None:
    image = pixels(read(saved(corners((4000, 3000)), "JPEG"), 200))
    for (x, y), colour in {(0.25, 0.25): RED, (0.75, 0.25): GREEN, (0.25, 0.75): BLUE, (0.75, 0.75): GREY}.items():
        assert near(at(image, x, y), colour)


# -- Rotation and metadata


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("rotation", range(1, 9))
def test_exif_rotation_is_applied(rotation: int, kind: str, order: str) -> None:
    """As it is lying in the file, so that the rotation makes it upright again."""
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    lying = corners() if rotation == 1 else corners().transpose(Image.Transpose(undo[rotation]))
    about: dict[str, Any] = {"exif": b"Exif\0\0" + exif(rotation, order), "quality": 95}
    found = pixels(read(saved(lying, kind, **about)))
    assert found.size == (64, 48)
    for (x, y), colour in {(0.25, 0.25): RED, (0.75, 0.25): GREEN, (0.25, 0.75): BLUE, (0.75, 0.75): GREY}.items():
        assert near(at(found, x, y), colour, 25)


def test_a_tiff_is_rotated_by_its_own_tag() -> None:
    found = pixels(read(saved(corners().transpose(Image.Transpose.ROTATE_90), "TIFF", tiffinfo={274: 6})))
    assert (found.size, at(found, 0.25, 0.25)) == ((64, 48), RED)


@pytest.mark.parametrize("kind", FORMATS)
def test_nothing_of_the_file_itself_is_passed_on(kind: str) -> None:
    """Neither metadata nor what a polyglot carries behind the picture."""
    abouts: dict[str, dict[str, Any]] = {
        "JPEG": {"exif": b"Exif\0\0" + exif(1, more=SECRET), "comment": SECRET, "icc_profile": SECRET, "xmp": SECRET},
        "PNG": {"exif": exif(1, more=SECRET), "icc_profile": SECRET},
        "WEBP": {"exif": exif(1, more=SECRET), "icc_profile": SECRET, "xmp": SECRET, "lossless": True},
        "GIF": {"comment": SECRET},
        "BMP": {},
        "TIFF": {"description": SECRET.decode(), "icc_profile": SECRET},
    }
    data = saved(corners(), kind, **abouts[kind]) + b"PK\x03\x04<script>" + SECRET
    if kind == "PNG":
        data = data[:33] + chunk(b"tEXt", b"Comment\0" + SECRET) + chunk(b"zzZz", SECRET) + data[33:]
    assert SECRET in data
    found = read(data)
    again = pixels(found)
    assert SECRET not in found.data
    assert b"script" not in found.data
    assert not again.getexif()
    assert not {"exif", "comment", "icc_profile", "xmp", "dpi", "Comment", "description"} & again.info.keys()


def test_metadata_never_reaches_a_parser_that_swells() -> None:
    """Directories whose 60,000 entries each point at the whole of themselves would be copied 60,000 times."""
    many = 60_000
    swelling = b"II*\0" + struct.pack("<IH", 8, many)
    swelling += b"".join(struct.pack("<HHII", 0x9000 + i % 20_000, 7, 700_000, 0) for i in range(many)) + bytes(4)
    jpeg = saved(corners(), "JPEG")
    pieces = [b"Exif\0\0" + swelling[i : i + 65_000] for i in range(0, len(swelling), 65_000)]
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(piece) + 2) + piece for piece in pieces)
    png = saved(corners())
    tiff = saved(corners(), "TIFF")
    tracemalloc.start()
    started = time.perf_counter()
    assert read(jpeg[:2] + segments + jpeg[2:]).width == 64
    assert read(png[:33] + chunk(b"eXIf", swelling) + png[33:]).width == 64
    assert "damaged" in refusal(swelling)
    assert read(tiff).width == 64
    seconds, peak = time.perf_counter() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 2
    assert peak < 20_000_000


def test_text_that_unpacks_to_much_is_not_unpacked() -> None:
    png = saved(corners())
    bomb = zlib.compress(bytes(50_000_000), 9)
    tracemalloc.start()
    for name in (b"zTXt", b"iCCP"):
        found = read(png[:33] + chunk(name, b"name\0\0" + bomb) + png[33:])
        assert pixels(found).tobytes() == corners().tobytes()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


# -- What is refused


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"hello", "not a picture"),
        (b"\0" * 100, "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "SVG is not taken"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x -->\n<svg/>", "SVG is not taken"),
        (b"<!doctype html><p>", "not a picture"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "HEIC"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "Video"),
        (b"PK\x03\x04", "not a picture"),
        (b"\x7fELF", "not a picture"),
        (b"BM and other words that start like this", "not a picture"),
        (b"II\x2b\0\x08\0\0\0", "not a picture"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"RIFF\0\0\0\0WEBP", "damaged"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "damaged"),
        (b"GIF89a", "damaged"),
        (b"II*\0\xff\xff\xff\xff", "damaged"),
        (b"MM\0*\0\0\0\x08", "damaged"),
    ],
)
def test_what_is_no_picture_is_told_apart(data: bytes, words: str) -> None:
    assert words in refusal(data)


def test_a_hundred_megabytes_are_refused_unread() -> None:
    data = saved(corners()) + bytes(100 * 2**20)
    tracemalloc.start()
    assert refusal(data) == "This file has 101 MB; a picture may have at most 64."
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


def bombs(side: int = 60_000) -> dict[str, bytes]:
    """Small files that say that they are large."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    jpeg = bytearray(saved(corners(), "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    gif = bytearray(saved(corners().convert("P"), "GIF"))
    gif[6:10] = struct.pack("<HH", side, side)
    inner = bytearray(saved(corners().convert("P"), "GIF"))
    place = inner.index(b"\x2c", 13 + 3 * 2 ** ((inner[10] & 7) + 1))
    inner[place + 5 : place + 9] = struct.pack("<HH", side, side)
    bmp = bytearray(saved(corners(), "BMP"))
    bmp[18:26] = struct.pack("<ii", side, -side)
    tiff = bytearray(saved(corners(), "TIFF"))
    start = struct.unpack_from("<I", tiff, 4)[0]
    for i in range(struct.unpack_from("<H", tiff, start)[0]):
        if struct.unpack_from("<H", tiff, start + 2 + 12 * i)[0] in (256, 257):
            tiff[start + 4 + 12 * i : start + 14 + 12 * i] = struct.pack("<HII", 4, 1, side)
    wide = (16_383).to_bytes(3, "little")
    webp = b"VP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + wide + wide + b"ALPH" + bytes(4)
    lossless = b"VP8L" + struct.pack("<I", 9) + b"\x2f" + struct.pack("<I", 16_383 | 16_383 << 14) + bytes(4)
    return {
        "png": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(10**6))),
        "jpeg": bytes(jpeg),
        "gif": bytes(gif),
        "gif in a small screen": bytes(inner),
        "bmp": bytes(bmp),
        "tiff": bytes(tiff),
        "webp": b"RIFF" + struct.pack("<I", len(webp) + 4) + b"WEBP" + webp,
        "webp lossless": b"RIFF" + struct.pack("<I", len(lossless) + 4) + b"WEBP" + lossless,
    }


@pytest.mark.parametrize("name", bombs())
def test_bombs_are_refused_by_their_header(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("decoded"))
    message = refusal(bombs()[name])
    assert "pixels; at most 20 million are taken" in message


def test_just_under_the_limit_is_taken_and_just_over_is_not() -> None:
    assert read(saved(Image.new("L", (5000, 4000))), 100).width == 100
    assert "5,000 × 4,001" in refusal(saved(Image.new("L", (5000, 4001))))


def test_large_tiles_of_a_small_picture_are_refused() -> None:
    entries = [(256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 1)]
    entries += [(322, 4, 1, 65_520), (323, 4, 1, 65_520), (324, 4, 1, 8), (325, 4, 1, 4)]
    data = b"II*\0" + struct.pack("<IH", 8, len(entries))
    data += b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    assert "at most 20 million" in refusal(data)


def test_scans_without_end_are_refused() -> None:
    """Each scan of a progressive JPEG goes over all pixels, and an empty one has a few bytes."""
    data = saved(photo((1000, 1000)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    assert "damaged" in refusal(data[:last] + data[last:-2] * 100 + data[-2:])


def test_run_lengths_of_bmp_and_odd_tiffs_are_refused() -> None:
    bmp = bytearray(saved(corners().convert("P"), "BMP"))
    bmp[30:34] = struct.pack("<I", 1)
    assert "Save the picture as PNG" in refusal(bytes(bmp))
    assert "Save the picture as PNG" in refusal(saved(corners(), "TIFF", compression="jpeg"))
    assert "Save the picture as PNG" in refusal(saved(corners().convert("1"), "TIFF", compression="group4"))
    assert "16 bits" in refusal(saved(Image.new("F", (8, 8)), "TIFF"))


def test_blocks_and_chunks_without_end_are_left_soon() -> None:
    gif, png = saved(corners().convert("P"), "GIF"), saved(corners())
    jpeg = saved(corners(), "JPEG")
    comments = b"\x21\xfe" + b"\xff" + b"c" * 255
    hostile = [
        gif[:13] + b"\x21\xfe" + b"\x01c" * 5_000_000,
        gif[: 13 + 768] + (comments + b"\0") * 50_000 + gif[13 + 768 :],
        png[:33] + chunk(b"IDAT", b"") * 500_000,
        png[:33] + chunk(b"tEXt", b"") * 90_000 + png[33:],
        jpeg[:2] + b"\xff\xfe\0\x02" * 2_000_000,
        jpeg[:2] + b"\xff" * 20_000_000,
        jpeg[:2] + b"\xff\xe1\0\x00" * 2_000_000,
    ]
    for data in hostile:
        started = time.thread_time()
        with suppress(InvalidValue):
            read(data)
        assert time.thread_time() - started < 2


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_cut_off_anywhere_is_told(kind: str) -> None:
    """Nothing but our sentence, and no half picture."""
    about: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    data = saved(photo((90, 60)), kind, **about)
    # A mark that nothing more comes, or what fills a row up to whole words, is not missed.
    spared = {"JPEG": 2, "PNG": 12, "GIF": 8, "BMP": 2}.get(kind, 0)
    for end in [*range(0, len(data) - spared, max(1, len(data) // 60)), len(data) - spared - 1]:
        message = refusal(data[:end])
        assert message.endswith(".")
        assert "Errno" not in message


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_with_wrong_bytes_is_a_picture_or_our_sentence(kind: str) -> None:
    dice = random.Random(kind)
    data = saved(photo((40, 30)), kind)
    for _ in range(150):
        wrong = bytearray(data)
        for _ in range(dice.choice((1, 3, 20))):
            wrong[dice.randrange(min(len(wrong), dice.choice((60, len(wrong)))))] = dice.randrange(256)
        with suppress(InvalidValue):
            found = read(bytes(wrong))
            assert found.width * found.height <= images.MAX_SIDE**2


@pytest.mark.skipif(sys.platform == "win32", reason="limits on memory are those of Unix")
@pytest.mark.slow
def test_memory_is_bounded_whatever_comes(tmp_path: Path) -> None:
    """The largest picture that is taken, in the format and mode that takes the most, four at once within 1.5 GB."""
    path = tmp_path / "large.png"
    large = photo((500, 400), "RGBA").resize((5000, 4000), Image.Resampling.NEAREST)
    large.putpixel((0, 0), (0, 0, 0, 0))
    path.write_bytes(saved(large, compress_level=1))
    code = (
        "import resource, sys, threading; from pathlib import Path; from FlaskAppAML.images import read\n"
        f"data = Path({str(path)!r}).read_bytes()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "threads = [threading.Thread(target=read, args=(data,)) for _ in range(4)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "print(grown // (1024 * 1024 if sys.platform == 'darwin' else 1024))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 900  # MB; two at a time


def test_several_threads_get_each_their_own() -> None:
    given = [saved(Image.new("RGB", (50 + i, 40), (i, 0, 0))) for i in range(20)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(read, given))
    assert [(one.width, at(pixels(one), 0.5, 0.5)) for one in found] == [(50 + i, (i, 0, 0)) for i in range(20)]


def test_importing_it_does_not_import_pillow() -> None:
    code = "import sys, FlaskAppAML.images; print('PIL' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("cat.heic.webp", "cat.heic.jpg"),
        ("cat", "cat.jpg"),
        ("", "picture.jpg"),
        ("..", "picture.jpg"),
        ("../../a/b.gif", "b.jpg"),
        ("a\\c.bmp", "c.jpg"),
    ],
)
def test_as_a_file_to_send_on(name: str, outcome: str) -> None:
    found = read(saved(photo(), "JPEG")).upload(name)
    assert (found.name, found.content_type, found.data[:2]) == (outcome, "image/jpeg", b"\xff\xd8")
    assert read(saved(corners())).upload("x.jpg").name == "x.png"


# -- Tensors


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((-1, 3, 224, 224), "NCHW"),
        ((1, 3, 224, 224), "NCHW"),
        ((-1, 1, 28, 28), "NCHW"),
        ((-1, 3, -1, -1), "NCHW"),
        ((-1, 224, 224, 3), "NHWC"),
        ((-1, 28, 28, 1), "NHWC"),
        ((3, 32, 32), "CHW"),
        ((32, 32, 3), "HWC"),
        ((28, 28, 1), "HWC"),
        ((-1, 28, 28), "NHW"),
        ((1, 28, 28), "NHW"),
        ((28, 28), "HW"),
        ((-1, 784), "NF"),
        ((-1, 3072), "NF"),
        ((784,), "F"),
        ((-1, 785), ""),
        ((-1, 4), ""),
        ((8, 8, 8), ""),
        ((-1, 5, 8, 8), ""),
        ((-1,), ""),
        ((), ""),
        ((1, 2, 3, 4, 5), ""),
        ((-1, -1), ""),
    ],
)
def test_the_layout_is_told_by_the_shape(shape: tuple[int, ...], layout: str) -> None:
    assert layout_of(shape) == layout


def measured(value: Any) -> tuple[int, ...]:
    return (len(value), *measured(value[0])) if isinstance(value, list) else ()


@pytest.mark.parametrize(
    "shape", [(1, 3, 8, 6), (1, 8, 6, 3), (1, 8, 6, 1), (3, 8, 6), (8, 6, 3), (1, 8, 6), (8, 6), (1, 64), (192,)]
)
def test_a_tensor_has_its_shape(shape: tuple[int, ...]) -> None:
    assert measured(tensor(read(saved(corners())), shape)) == shape


def test_the_values_of_a_tensor_are_the_pixels() -> None:
    picture = read(saved(corners((4, 2))))
    assert tensor(picture, (-1, 2, 4, 3), scale=255)[0] == [
        [list(RED), list(RED), list(GREEN), list(GREEN)],
        [list(BLUE), list(BLUE), list(GREY), list(GREY)],
    ]
    ((red, green, blue),) = tensor(picture, (-1, 3, 2, 4))
    assert red == [[0.862745, 0.862745, 0.117647, 0.117647], [0.117647, 0.117647, 0.501961, 0.501961]]
    assert green[0][2] == 0.784314
    assert blue[1][0] == 0.862745
    grey = pixels(picture).convert("L")
    assert tensor(picture, (2, 4), scale=255) == [[grey.getpixel((x, y)) for x in range(4)] for y in range(2)]


def test_a_flat_tensor_goes_row_by_row() -> None:
    image = Image.new("L", (28, 28), 0)
    image.putpixel((3, 2), 255)
    (flat,) = tensor(read(saved(image)), (-1, 784))
    assert (flat.index(1.0), sum(flat), type(flat[0])) == (2 * 28 + 3, 1.0, float)
    (row,) = tensor(read(saved(Image.new("RGB", (4, 4), RED))), (-1, 48), scale=255)
    assert row == list(RED) * 16


def test_any_size_is_the_picture_s_own() -> None:
    assert measured(tensor(read(saved(corners())), (-1, 3, -1, -1))) == (1, 3, 48, 64)


def test_the_layout_can_be_said() -> None:
    assert measured(tensor(read(saved(corners())), (3, 4, 3), "CHW")) == (3, 4, 3)
    assert measured(tensor(read(saved(corners())), (3, 4, 3), "HWC")) == (3, 4, 3)


def test_white_stands_behind_what_is_transparent() -> None:
    assert tensor(read(saved(Image.new("RGBA", (4, 4), (0, 0, 0, 0)))), (4, 4), scale=255) == [[255] * 4] * 4


@pytest.mark.parametrize("shape", [(), (-1, 5), (0, 0), (1, 3, 0, 5), (1, 3, 10**6, 10**6), (1, 2, 8, 8)])
def test_a_shape_that_holds_no_picture(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="no picture"):
        tensor(read(saved(corners())), shape)


def test_the_largest_usual_tensor_is_made_soon() -> None:
    picture = read(saved(photo((800, 600)), "JPEG"))
    started = time.thread_time()
    tensor(picture, (-1, 3, 640, 640))
    assert time.thread_time() - started < 2


# -- Boxes


def changed(before: Image.Image, after: Image.Image) -> set[tuple[int, int]]:
    pairs = zip(before.convert("RGB").get_flattened_data(), after.convert("RGB").get_flattened_data(), strict=True)
    return {(i % before.width, i // before.width) for i, (one, other) in enumerate(pairs) if one != other}


def blank(size: tuple[int, int] = (300, 200)) -> Picture:
    return read(saved(Image.new("RGB", size, "white")))


def test_frames_are_drawn_where_the_boxes_are() -> None:
    picture = blank()
    found = pixels(draw_boxes(picture, Boxes("", [Box("", None, 50, 60, 150, 160)])))
    assert found.format == "PNG"
    assert found.size == (300, 200)
    places = changed(pixels(picture), found)
    assert {x for x, _ in places} == set(range(50, 150))
    assert {y for _, y in places} == set(range(60, 160))
    assert (100, 110) not in places
    assert {found.getpixel((50, 100)), found.getpixel((100, 60))} == {(0xEE, 0x66, 0x77)}


def test_fractions_and_the_endpoint_s_own_size_are_scaled() -> None:
    by_pixel = draw_boxes(blank(), Boxes("", [Box("a", 0.5, 75, 50, 150, 100)]))
    assert draw_boxes(blank(), Boxes("", [Box("a", 0.5, 0.25, 0.25, 0.5, 0.5)], "fraction")) == by_pixel
    assert draw_boxes(blank(), Boxes("", [Box("a", 0.5, 750, 500, 1500, 1000)], width=3000, height=2000)) == by_pixel


def test_labels_are_legible() -> None:
    """On a plate of the box's colour, above it; the letters have a contrast of at least 4.5 to it."""
    picture = blank()
    with_label = pixels(draw_boxes(picture, Boxes("", [Box("milk bottle", 0.98, 50, 60, 150, 160)])))
    plate = [place for place in changed(pixels(picture), with_label) if place[1] < 60]
    wide, high = (max(place[i] for place in plate) - min(place[i] for place in plate) + 1 for i in (0, 1))
    assert 60 < wide < 150
    assert 12 < high < 30
    colours = {with_label.getpixel(place) for place in plate}
    assert {(0xEE, 0x66, 0x77), (0, 0, 0)} <= colours
    for colour in images.COLOURS:
        assert contrast(colour, boxes._ink(colour)) >= 4.5


def contrast(colour: str, ink: str) -> float:
    def light(value: str) -> float:
        shares = [int(value[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return sum(share * weight for share, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True)) + 0.05

    pair = sorted((light(colour), light("#000000" if ink == "black" else "#ffffff")))
    return pair[1] / pair[0]


@pytest.mark.parametrize("place", [(0, 0, 40, 40), (260, 160, 300, 200), (0, 0, 300, 200), (-50, -50, 900, 900)])
def test_a_label_stays_inside_the_picture(place: tuple[float, float, float, float]) -> None:
    one, other = (pixels(draw_boxes(blank(), Boxes("", [Box(label, None, *place)]))) for label in ("", "a label"))
    assert len(changed(one, other)) > 300


def test_labels_have_colours_that_differ() -> None:
    assert len(set(images.COLOURS)) == len(images.COLOURS)
    boxes = [Box(label, None, 100 * i + 5, 100, 100 * i + 80, 180) for i, label in enumerate(("cat", "dog", "cat"))]
    found = pixels(draw_boxes(blank(), Boxes("", boxes)))
    first, second, third = (found.getpixel((100 * i + 5, 140)) for i in range(3))
    assert first == third != second


@pytest.mark.parametrize(
    ("box", "outcome"),
    [
        (Box("cat", 0.9812, 0, 0, 1, 1), "cat 0.98"),
        (Box("cat", None, 0, 0, 1, 1), "cat"),
        (Box("", 0.5, 0, 0, 1, 1), "0.50"),
        (Box("Käse für 5 €, ﬁne", None, 0, 0, 1, 1), "Kase fur 5 , fine"),
        (Box("日本 1", None, 0, 0, 1, 1), "?? 1"),
        (Box("a\nb\u202e\x00c", None, 0, 0, 1, 1), "a b c"),
        (Box("x" * 10_000, None, 0, 0, 1, 1), "x" * 37 + "..."),
    ],
)
def test_the_words_of_a_label(box: Box, outcome: str) -> None:
    assert label_text(box) == outcome


@pytest.mark.parametrize(
    "box",
    [
        Box("a", float("nan"), float("nan"), 0, 50, 50),
        Box("a", float("inf"), float("-inf"), float("-inf"), float("inf"), float("inf")),
        Box("a", -1e308, -1e308, -1e308, 1e308, 1e308),
        Box("\U0001f600 語", 1e308, 5, 5, 6, 6),
        Box("a", 0.1, 299.5, 199.5, 299.9, 199.9),
        Box("a", 0.1, 900, 900, 950, 950),
        Box("a", 0.1, 0, 0, 0, 0),
    ],
)
def test_odd_boxes_are_drawn_or_left_out(box: Box) -> None:
    for units in ("pixel", "fraction"):
        for size in ((300, 200), (1, 1), (3, 500)):
            assert pixels(draw_boxes(blank(size), Boxes("", [box], units, 1e-300, 0.0))).size == size


def test_a_hundred_thousand_boxes_are_drawn_soon() -> None:
    boxes = [Box(f"label {i}", i / 1e5, i % 290, i % 190, i % 290 + 10, i % 190 + 10) for i in range(100_000)]
    started = time.thread_time()
    assert pixels(draw_boxes(blank(), Boxes("", boxes))).size == (300, 200)
    assert time.thread_time() - started < 3


def test_the_best_is_on_top() -> None:
    boxes = [Box("best", 0.9, 50, 50, 250, 150), Box("worse", 0.1, 50, 50, 250, 150)]
    found = [pixels(draw_boxes(blank(), Boxes("", order))) for order in (boxes, boxes[::-1])]
    assert found[0].getpixel((50, 100)) == (0xEE, 0x66, 0x77)
    assert found[1].getpixel((50, 100)) == (0x44, 0x77, 0xAA)


def test_drawn_on_what_is_transparent_or_grey() -> None:
    for image in (Image.new("RGBA", (50, 50), (0, 0, 0, 0)), Image.new("L", (50, 50), 255)):
        found = pixels(draw_boxes(read(saved(image)), Boxes("", [Box("", None, 10, 10, 40, 40)])))
        assert found.getpixel((2, 2)) == (255, 255, 255)


# -- Pieces


def test_what_is_inside_a_box() -> None:
    found = crop(read(saved(corners())), Box("", None, 31.5, 0, 64, 23.2))
    assert found is not None
    assert (found.width, found.height, found.content_type) == (33, 24, "image/png")
    assert pixels(found).tobytes() == corners().crop((31, 0, 64, 24)).tobytes()


def test_of_a_photo_a_photo() -> None:
    found = crop(read(saved(photo(), "JPEG")), Box("", None, 20, 20, 90, 80))
    assert found is not None
    assert (found.content_type, found.width, found.height) == ("image/jpeg", 70, 60)


@pytest.mark.parametrize("place", [(100, 100, 200, 200), (5, 5, 5, 9), (-9, -9, 0, 0)])
def test_nothing_is_outside(place: tuple[float, float, float, float]) -> None:
    assert crop(read(saved(corners())), Box("", None, *place)) is None


def test_boxes_in_pixels_of_this_picture() -> None:
    picture = read(saved(corners()))
    found = in_pixels(picture, Boxes("", [Box("a", 1, -0.5, 0.25, 0.5, 2), Box("b", 1, 2, 2, 3, 3)], "fraction"))
    assert found == [Box("a", 1, 0, 12, 32, 48)]


def same(make: Callable[[], Picture]) -> bool:
    return make().data == make().data


def test_the_same_file_gives_the_same_bytes() -> None:
    """So that equal questions stay equal."""
    image = corners()
    ImageDraw.Draw(image).line((0, 0, 60, 40), fill="white", width=3)
    assert same(lambda: read(saved(image, "JPEG")))
    assert same(lambda: read(saved(image)))
