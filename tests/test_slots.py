"""HTML with slots: cut once, filled in often, and never at a place that somebody wrote."""

from __future__ import annotations

from markupsafe import Markup

from FlaskAppAML.slots import cutter
from FlaskAppAML.web.drawing import Frame


def test_html_is_cut_at_its_slots_alone() -> None:
    slot, cut = cutter()
    assert cut(f"<p>{slot('value')}</p>{slot('box', 7)}") == ["<p>", ("value", ""), "</p>", ("box", "7"), ""]
    assert cut("<p></p>") == ["<p></p>"]
    assert cut("\ue000value:\ue001") == ["\ue000value:\ue001"]


def test_slots_of_one_drawing_are_text_in_another() -> None:
    slot, _ = cutter()
    _, cut = cutter()
    assert len(cut(slot("value"))) == 1


def test_a_slot_is_not_escaped_and_what_stands_around_it_is() -> None:
    slot, cut = cutter()
    assert cut(Markup("<p>{}{}</p>").format("<", slot("value")))[0] == "<p>&lt;"


def test_a_frame_is_drawn_once_and_a_slot_may_stand_twice() -> None:
    drawings: list[int] = []

    def draw(slots: dict[str, Markup]) -> str:
        drawings.append(1)
        return f"{slots['a']}-{slots['b']}-{slots['a']}"

    frame = Frame(draw, ["a", "b", "never"])
    assert frame.filled({"a": "1", "b": "2", "never": "3"}) == "1-2-1"
    assert frame.filled({"a": "{b}", "b": "\ue000a:\ue001", "never": ""}) == "{b}-\ue000a:\ue001-{b}"
    assert drawings == [1]
