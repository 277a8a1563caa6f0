"""Accept-Encoding: who gets gzip, and who does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.http import takes_gzip

TAKERS = [
    "gzip",
    "GZip",
    "x-gzip",
    "gzip, deflate, br",
    "br;q=1.0, gzip;q=0.8",
    "deflate , gzip ; q=0.001",
    "gzip;q=1.000",
    "gzip;q=1.",
    "*",
    "*;q=0.1",
    "br, *;q=0.5",
    "gzip, identity;q=0.5",
    "gzip;q=0.5, identity;q=0.5",
    "gzip;q=0.5",
    "identity;q=0, gzip;q=0.1",
    ", gzip ,,",
    "gzip,*;q=0",
]
OTHERS = [
    "",
    "identity",
    "br",
    "deflate, br",
    "gzip;q=0",
    "gzip; q=0.000",
    "gzip;q=0.",
    "x-gzip;q=0",
    "*;q=0",
    "gzip;q=0, *",
    "gzip;q=0.4, identity;q=0.5",
    "gzip;q=0.4, *;q=0.5",
    "identity, *;q=0.5",
    "gzipped",
    "gzip;q=2",
    "gzip;q=-1",
    "gzip;q=0.0001",
    "gzip;q=yes",
    "gzip;level=1",
    "gzip;q=١",
    "gzip\x00",
    ";q=1",
]


@pytest.mark.parametrize("accepted", TAKERS)
def test_who_takes_gzip(accepted: str) -> None:
    assert takes_gzip(accepted)


@pytest.mark.parametrize("accepted", OTHERS)
def test_who_does_not(accepted: str) -> None:
    assert not takes_gzip(accepted)


@given(st.text(max_size=60))
def test_any_field_has_an_answer(accepted: str) -> None:
    assert takes_gzip(accepted) in (True, False)
