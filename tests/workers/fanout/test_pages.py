"""The pages that browsers get: complete, harmless whatever streams are called, under a policy that holds."""

import re
import tomllib
from fnmatch import fnmatch
from html.parser import HTMLParser
from importlib import resources
from urllib.parse import unquote

import pytest

from tests.house.source import ROOT
from workers.fanout import pages

FILES = {file.name: file for file in resources.files(pages).iterdir() if not file.name.startswith("__")}
MARKUP = {name: file.read_text() for name, file in FILES.items() if name.endswith(".html")}
MODULE_IMPORT = re.compile(r'^import .* from "\./([\w.]+)";$', re.MULTILINE)


class Elements(HTMLParser):
    """The start tags of a page, and the texts of its links by address."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.links: dict[str, str] = {}
        self._href: str | None = None
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._href = dict(attrs).get("href") if tag == "a" else None

    def handle_data(self, data: str) -> None:
        if self._href is not None:
            self.links[self._href] = self.links.get(self._href, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._href = None

    def values(self, attribute: str) -> set[str]:
        return {value for _, attrs in self.tags if (value := attrs.get(attribute))}


def directives(fields: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    policy = dict(fields)["Content-Security-Policy"]
    return {words[0]: words[1:] for words in map(str.split, policy.split(";"))}


# -- what is served


@pytest.mark.parametrize("name", pages.ASSET_TYPES)
def test_asset_is_the_file_with_a_tag_of_its_own(name: str) -> None:
    asset = pages.asset(name)
    assert asset.body == FILES[name].read_bytes()
    assert asset.content_type.endswith("; charset=utf-8")
    assert re.fullmatch(r'"[0-9a-f]{16}"', asset.etag)
    assert pages.asset(name) is asset
    others = [pages.asset(other) for other in pages.ASSET_TYPES if other != name]
    assert asset.etag not in {other.etag for other in [*others, pages.player_page()]}


@pytest.mark.parametrize("name", ["", "player.html", "__init__.py", "../hub.py", "/etc/passwd"])
def test_other_files_are_no_assets(name: str) -> None:
    with pytest.raises(KeyError):
        pages.asset(name)


def test_player_page_is_html() -> None:
    page = pages.player_page()
    assert page.content_type == pages.HTML_TYPE
    assert page.body.startswith(b"<!doctype html>")


def test_everything_that_the_pages_load_is_an_asset() -> None:
    loaded = {f"/{name}" for text in FILES.values() for name in MODULE_IMPORT.findall(text.read_text())}
    for markup in MARKUP.values():
        elements = Elements(markup)
        hrefs = {attrs["href"] for tag, attrs in elements.tags if tag == "link"}
        loaded |= elements.values("src") | {href for href in hrefs if href and not href.startswith("data:")}
    assert loaded == {f"/{name}" for name in pages.ASSET_TYPES}


def test_a_wheel_takes_the_files_along() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["workers.fanout.pages"]
    assert [name for name in FILES if not any(fnmatch(name, pattern) for pattern in patterns)] == []


# -- what the script finds in the page


def test_script_finds_what_it_looks_for() -> None:
    script = pages.asset("player.js").body.decode()
    sought = set(re.findall(r'(?:find|click)\("([\w-]+)"', script))
    ids = Elements(MARKUP["player.html"]).values("id")
    assert "video" in sought
    assert sought <= ids
    figures = set(re.findall(r"^      (\w+): .*,$", script.partition("const figures = {")[2], re.MULTILINE))
    assert {f"figure-{name}" for name in figures} == {name for name in ids if name.startswith("figure-")}


def test_every_button_has_a_name() -> None:
    markup = MARKUP["player.html"]
    buttons = re.findall(r"<button([^>]*)>(.*?)</button>", markup, re.DOTALL)
    named = [
        "aria-label=" in attributes or re.sub(r"<[^>]+>|\s", "", inside) for attributes, inside in buttons
    ]
    assert len(buttons) > 5
    assert len(buttons) - sum(map(bool, named)) == 1  # the one that the script names after what it will do


# -- the policy


@pytest.mark.parametrize("markup", MARKUP.values(), ids=MARKUP)
def test_no_page_has_script_or_style_within(markup: str) -> None:
    elements = Elements(markup)
    assert [attrs for tag, attrs in elements.tags if tag == "script" and "src" not in attrs] == []
    assert [tag for tag, _ in elements.tags if tag == "style"] == []
    attributes = {name for _, attrs in elements.tags for name in attrs}
    assert [name for name in attributes if name == "style" or name.startswith("on")] == []


@pytest.mark.parametrize("fields", [pages.PLAYER_FIELDS, pages.INDEX_FIELDS])
def test_policy_forbids_what_it_does_not_allow(fields: tuple[tuple[str, str], ...]) -> None:
    policy = directives(fields)
    assert policy["default-src"] == ["'none'"]
    assert policy["base-uri"] == policy["form-action"] == ["'none'"]
    sources = {source for name, words in policy.items() if name != "default-src" for source in words}
    assert sources <= {"'none'", "'self'", "blob:", "data:"}


def test_policy_lets_the_player_play_and_the_list_do_nothing() -> None:
    player = directives(pages.PLAYER_FIELDS)
    assert player["script-src"] == player["connect-src"] == ["'self'"]
    assert player["media-src"] == ["'self'", "blob:"]
    assert not {"script-src", "connect-src", "media-src"} & directives(pages.INDEX_FIELDS).keys()


# -- the list


def test_list_links_to_the_player_of_each_stream_in_order() -> None:
    names = ["live/zebra", "live/film", "a/b/c.d"]
    links = Elements(pages.index_page(names).decode()).links
    assert list(links.items()) == [(f"/play/{name}", name) for name in names]


def test_names_that_are_markup_stay_text() -> None:
    names = ['live/"><script>alert(1)</script>', "live/a&lt;b?x#y", "live/<!-- streams -->"]
    elements = Elements(pages.index_page(names).decode())
    assert [tag for tag, _ in elements.tags if tag == "script"] == []
    assert list(elements.links.values()) == names
    assert [unquote(href) for href in elements.links] == [f"/play/{name}" for name in names]
    assert not re.search(r"[?#\"<>]", "".join(elements.links))


def test_list_of_nothing_says_so() -> None:
    page = pages.index_page([]).decode()
    assert "Nothing is live now." in page
    assert "<ul>" not in page
