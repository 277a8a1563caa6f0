"""Entity tags: who has it already, and whose range still fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.http import etag_of, is_not_modified, range_holds

TAG = '"0123456789abcdef"'


@pytest.mark.parametrize(
    "given_tags",
    [TAG, f"W/{TAG}", "*", f'"a", {TAG}', f'{TAG},"b"', f' , W/"x,y" ,,{TAG} , ', f'W/"", {TAG}'],
)
def test_who_has_it_gets_no_second_copy(given_tags: str) -> None:
    assert is_not_modified({"if-none-match": given_tags}, TAG)


@pytest.mark.parametrize(
    "given_tags",
    [
        *("", '"other"', TAG.strip('"'), f"w/{TAG}", f"x{TAG}", f"{TAG} x", f'"a" {TAG}', f"*, {TAG}"),
        *(f'"a{TAG}', '"0123456789abcdef', TAG.upper()),
    ],
)
def test_who_has_another_one_gets_it(given_tags: str) -> None:
    assert not is_not_modified({"if-none-match": given_tags}, TAG)


def test_who_says_nothing_gets_it() -> None:
    assert not is_not_modified({}, TAG)


def test_a_weak_tag_of_ours_compares_weakly() -> None:
    assert is_not_modified({"if-none-match": TAG}, f"W/{TAG}")


def test_a_tag_in_which_there_is_a_comma_is_one_tag() -> None:
    assert is_not_modified({"if-none-match": '"a,b", "c"'}, '"a,b"')
    assert not is_not_modified({"if-none-match": '"a,b", "c"'}, '"b"')


@pytest.mark.parametrize(
    ("given_tag", "holds"),
    [
        (None, True),
        (TAG, True),
        (f"W/{TAG}", False),
        ('"other"', False),
        ("Wed, 21 Oct 2015 07:28:00 GMT", False),
    ],
)
def test_a_range_of_what_is_no_more_does_not_count(given_tag: str | None, holds: bool) -> None:
    headers = {} if given_tag is None else {"if-range": given_tag}
    assert range_holds(headers, TAG) is holds


def test_a_weak_tag_never_vouches_for_a_range() -> None:
    assert not range_holds({"if-range": f"W/{TAG}"}, f"W/{TAG}")


@given(st.binary(), st.binary())
def test_a_tag_stands_for_its_bytes(one: bytes, other: bytes) -> None:
    assert (etag_of(one) == etag_of(other)) is (one == other)
    assert is_not_modified({"if-none-match": etag_of(one)}, etag_of(one))


@given(
    st.one_of(
        st.text(max_size=60), st.lists(st.sampled_from([TAG, "W/", '"', ",", " ", "*", "x"])).map("".join)
    )
)
def test_any_field_has_an_answer(given_tags: str) -> None:
    if is_not_modified({"if-none-match": given_tags}, TAG):
        assert given_tags == "*" or TAG in given_tags
