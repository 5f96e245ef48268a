"""docs/operations.md names what is there: metrics, their labels, the kinds of errors, settings."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from conftest import COMPANY, MakeApp
from prometheus_client.parser import text_string_to_metric_families

from demo.server import Demo
from FlaskAppAML import errors
from FlaskAppAML.errors import AppError

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "operations.md").read_text("utf-8")


def kinds(of: type[AppError]) -> set[str]:
    return {of.kind}.union(*(kinds(one) for one in of.__subclasses__()))


def test_every_metric_that_it_names_is_told(make_app: MakeApp, demo: Demo) -> None:
    client = make_app(url=demo.url).test_client()
    client.post("/", data=COMPANY)
    client.get("/nowhere")
    families = list(text_string_to_metric_families(client.get("/metrics").text))
    told = {sample.name for family in families for sample in family.samples} | {family.name for family in families}
    named = set(re.findall(r"flaskappaml_[a-z_]+", PAGE))
    assert named <= told | {"flaskappaml_retries_total"}, "a counter that was never raised is not told"
    labels = {sample.name: set(sample.labels) for family in families for sample in family.samples}
    for name, listed in re.findall(r"`(flaskappaml_[a-z_]+)\{([a-z,]+)\}`", PAGE):
        assert set(listed.split(",")) <= labels.get(name, labels.get(f"{name}_count", {"model"}))


def test_its_kinds_and_rules_can_be() -> None:
    rules = yaml.safe_load(PAGE.split("```yaml\n")[1].split("```")[0])["groups"][0]["rules"]
    asked = {
        kind for rule in rules for listed in re.findall(r'kind=~"([^"]+)"', rule["expr"]) for kind in listed.split("|")
    }
    assert len(asked) == 9
    assert asked <= kinds(errors.AppError)
    for rule in rules:
        assert rule["expr"].count("(") == rule["expr"].count(")")
