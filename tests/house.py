"""The house rules for pages: `check(html)` reads a page as a parser does and holds them all."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urlsplit

VOID = frozenset({"meta", "link", "input", "img", "br", "hr", "rect"})
CONTROLS = frozenset({"input", "textarea", "select"})
REFERENCES = ("aria-describedby", "aria-labelledby", "for")


class Page(HTMLParser):
    """What a test asks of a page: its elements with their attributes, and the text inside each kind of element."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self._open or self._open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def values(self) -> dict[str, str]:
        """What the form's inputs hold, by name."""
        return {a["name"]: a.get("value", "") for a in self.all("input") if "name" in a}


def check(html: str) -> Page:
    """The page, after every rule held: one h1, a title, unique ids, labels, nothing inline, no other host."""
    assert html.lstrip().lower().startswith("<!doctype html>")
    page = Page(html)
    assert not page.unbalanced, page.unbalanced
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1
    assert page.texts["title"][0].strip()
    _check_ids(page)
    _check_labels(page)
    _check_nothing_inline(page)
    _check_addresses(page)
    return page


def _check_ids(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids)), f"an id stands twice: {sorted(ids)}"
    for _, attributes in page.elements:
        for name in REFERENCES:
            for reference in attributes.get(name, "").split():
                assert reference in ids, f"{name}={reference} names nothing"
        href = attributes.get("href", "")
        if href.startswith("#"):
            assert href[1:] in ids, f"{href} leads nowhere"


def _check_labels(page: Page) -> None:
    labelled = {attributes.get("for") for attributes in page.all("label")}
    for tag, attributes in page.elements:
        if tag in CONTROLS and attributes.get("type") not in ("hidden", "radio", "checkbox"):
            assert attributes.get("id") in labelled, f"no label for {attributes}"
        if tag == "img":
            assert "alt" in attributes


def _check_nothing_inline(page: Page) -> None:
    for tag, attributes in page.elements:
        assert "style" not in attributes, f"inline style in {tag}"
        assert not [name for name in attributes if name.startswith("on")], f"inline script in {tag}"
        assert tag != "style"
        if tag == "script":
            assert attributes.get("src")


def _check_addresses(page: Page) -> None:
    for _, attributes in page.elements:
        for name in ("href", "src", "action"):
            parts = urlsplit(attributes.get(name, ""))
            is_picture = name == "src" and parts.scheme == "data"
            assert is_picture or (not parts.netloc and not parts.scheme), f"{name} leaves: {attributes[name]}"
