"""A page that somebody reads asks nothing of the API behind his back; programs are not hindered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access.pages import FAULTS, PAGE_FAULTS, Asked, PageFault, fault_of_page

HERE = "127.0.0.1:1985"
JSON = "application/json"


@pytest.mark.parametrize(
    "asked",
    [
        Asked("GET", HERE),
        Asked("GET", ""),
        Asked("GET", "localhost:1985"),
        Asked("GET", "engine.localhost"),
        Asked("GET", "[::1]:1985"),
        Asked("GET", "192.0.2.7:1985"),
        Asked("DELETE", HERE),
        Asked("POST", HERE, content_type=JSON),
        Asked("POST", HERE, content_type="Application/JSON; charset=utf-8"),
        Asked("POST", HERE, origin=f"http://{HERE}", site="same-origin", content_type=JSON),
        Asked("POST", HERE, origin=f"http://{HERE}", content_type=JSON),
        Asked("GET", HERE, site="none", mode="navigate"),
        Asked("GET", HERE, site="cross-site", mode="navigate"),
    ],
)
def test_programs_people_and_own_pages_are_answered(asked: Asked) -> None:
    assert fault_of_page(asked, is_open=True) is None


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        (Asked("POST", HERE, origin="http://evil.example", content_type=JSON), "foreign_page"),
        (Asked("POST", HERE, origin="null", content_type=JSON), "foreign_page"),
        (Asked("POST", HERE, origin="http://127.0.0.1:3000", content_type=JSON), "foreign_page"),
        (Asked("POST", HERE, site="same-site", content_type=JSON), "foreign_page"),
        (Asked("POST", HERE, site="cross-site", mode="navigate", content_type=JSON), "foreign_page"),
        (Asked("DELETE", HERE, site="cross-site"), "foreign_page"),
        (Asked("GET", HERE, site="cross-site", mode="no-cors"), "foreign_page"),
        (Asked("GET", "evil.example"), "unknown_host"),
        (Asked("GET", "evil.example:1985", origin="http://evil.example:1985"), "unknown_host"),
        (Asked("GET", "127.0.0.1.evil.example"), "unknown_host"),
        (Asked("GET", "localhost.evil.example"), "unknown_host"),
        (Asked("POST", HERE, content_type="text/plain"), "not_json"),
        (Asked("POST", HERE, content_type="application/x-www-form-urlencoded"), "not_json"),
        (Asked("POST", HERE), "not_json"),
    ],
)
def test_what_only_a_foreign_page_sends_is_refused(asked: Asked, fault: PageFault) -> None:
    assert fault_of_page(asked, is_open=True) == fault


def test_where_keys_are_asked_for_the_name_does_not_matter() -> None:
    asked = Asked("GET", "streams.example")
    assert fault_of_page(asked, is_open=True) == "unknown_host"
    assert fault_of_page(asked, is_open=False) is None


def test_every_fault_has_its_status_and_sentence() -> None:
    assert set(FAULTS) == set(PAGE_FAULTS)
    assert {status for status, _ in FAULTS.values()} == {403, 415}


@given(st.tuples(*[st.text()] * 6))
def test_no_words_of_a_request_break_the_judgement(words: tuple[str, str, str, str, str, str]) -> None:
    assert fault_of_page(Asked(*words), is_open=True) in (None, *PAGE_FAULTS)
