"""What Prometheus reads about the line of background jobs."""

from __future__ import annotations

import time
from pathlib import Path

from conftest import MakeApp
from flask.testing import FlaskClient
from soak.parts import KEY, SAMPLE, free_port
from test_metrics import read

NAMES = ("flaskappaml_jobs_waiting", "flaskappaml_jobs_oldest_seconds")


def seen(client: FlaskClient) -> list[float | None]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    found = read(answer.text)
    return [found.get((name,)) for name in NAMES]


def test_the_line_and_its_age(make_app: MakeApp, tmp_path: Path) -> None:
    nobody = {"job_workers": 0, "background": True, "schema": SAMPLE, "api_key": KEY}
    client = make_app(url=f"http://127.0.0.1:{free_port()}/score", **nobody).test_client()
    assert seen(client) == [0, 0]
    assert not (tmp_path / "data" / "jobs.sqlite3").exists(), "looking makes no database"
    for number in range(3):
        assert client.post("/", data={"name": f"n{number}", "_once": f"{number:032x}"}).status_code == 303
    time.sleep(0.3)
    waiting, oldest = seen(client)
    assert waiting == 3
    assert oldest is not None
    assert 0.3 <= oldest < 30


def test_without_the_database_everything_else_is_told(make_app: MakeApp) -> None:
    address = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none"
    assert seen(make_app(url="http://127.0.0.1:9/score", database_url=address).test_client()) == [None, None]
