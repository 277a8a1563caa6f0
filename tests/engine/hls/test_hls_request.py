"""Delivery directives: what players may ask, and what is nonsense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.hls import Directives, RemoteProtocolError, parse_directives
from engine.protocols.hls.limits import MAX_NUMBER


def test_nothing_asked_is_nothing() -> None:
    assert parse_directives({}) == Directives(None, None, None)


def test_all_that_may_be_asked() -> None:
    query = {"_HLS_msn": "12", "_HLS_part": "3", "_HLS_skip": "YES", "token": "t", "_HLS_primary_id": "x"}
    assert parse_directives(query) == Directives(12, 3, "YES")
    assert parse_directives({"_HLS_msn": "0", "_HLS_skip": "v2"}) == Directives(0, None, "v2")


@pytest.mark.parametrize(
    "query",
    [
        {"_HLS_part": "0"},
        {"_HLS_msn": ""},
        {"_HLS_msn": "-1"},
        {"_HLS_msn": "+1"},
        {"_HLS_msn": "1.0"},
        {"_HLS_msn": "1_000"},
        {"_HLS_msn": " 1"},
        {"_HLS_msn": "٣"},
        {"_HLS_msn": "9007199254740992"},
        {"_HLS_msn": "9" * 5_000},
        {"_HLS_msn": "1", "_HLS_part": "10000"},
        {"_HLS_msn": "1", "_HLS_part": "x"},
        {"_HLS_skip": "NO"},
        {"_HLS_skip": "yes"},
        {"_HLS_skip": ""},
    ],
)
def test_nonsense_is_a_bad_request(query: dict[str, str]) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        parse_directives(query)
    assert refused.value.reply == 400


@given(st.dictionaries(st.sampled_from(["_HLS_msn", "_HLS_part", "_HLS_skip", "x"]), st.text(max_size=20)))
def test_any_query_is_read_or_refused(query: dict[str, str]) -> None:
    try:
        directives = parse_directives(query)
    except RemoteProtocolError:
        return
    assert directives.part is None or directives.msn is not None
    assert directives.msn is None or 0 <= directives.msn <= MAX_NUMBER
