"""Who hears of an end where one service said yes and another no: those who believe in the start."""

import pytest

from engine.hooks.informed import hear_the_end

A, B = "http://a.example/hook", "http://b.example/hook"
A_END, B_END = "http://a.example/end", "http://b.example/end"
LIST = "http://list.example/"


@pytest.mark.parametrize(
    ("ends", "informed", "hear"),
    [
        ((A, B), (), ()),
        ((A, B), (A,), (A,)),
        ((A, B), (A, B), (A, B)),
        ((A_END, B_END), (B,), (B_END,)),
        ((LIST,), (A,), (LIST,)),
        ((LIST,), (), ()),
        ((), (A,), ()),
    ],
)
def test_those_hear_of_the_end_who_believe_in_the_start(
    ends: tuple[str, ...], informed: tuple[str, ...], hear: tuple[str, ...]
) -> None:
    assert hear_the_end(ends, (A, B), informed) == hear


def test_two_addresses_at_one_origin_speak_for_themselves() -> None:
    assert hear_the_end((A, A_END), asked=(A, A_END), informed=(A,)) == (A,)
