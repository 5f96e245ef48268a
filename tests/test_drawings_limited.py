"""Pictures that are drawn for a download are counted as submissions are, and apart from them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
from conftest import MakeApp
from detector import ASTRONAUT, FOUND, SCHEMA, Detector, records


@pytest.fixture
def url() -> Iterator[str]:
    with Detector(records(*FOUND)) as model:
        yield model.url


def test_pictures_are_drawn_within_the_limit_and_cost_no_submission(make_app: MakeApp, url: str) -> None:
    client = make_app(url=url, schema=SCHEMA, rate_limit="3/hour").test_client()

    def submit() -> int:
        sent = client.post("/", data={"picture": (io.BytesIO(ASTRONAUT), "a.jpg")})
        addresses.extend(re.findall(r'href="([^"]+\.png)[^"]*"', sent.text))
        return sent.status_code

    addresses: list[str] = []
    assert submit() == 200
    statuses = [client.get(addresses[0]).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert client.get(f"/answers/{'0' * 32}.png").status_code == 404  # nothing would be drawn
    assert [submit() for _ in range(3)] == [200, 200, 429]
