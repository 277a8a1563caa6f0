"""The table of rejections is whole, and its codes travel as libsrt's do."""

import pytest

from engine.protocols.srt.rejections import SENTENCES, Rejection, code_of, request_of, sentence


def test_every_code_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Rejection)
    assert len(set(SENTENCES.values())) == len(SENTENCES)


@pytest.mark.parametrize("code", [*Rejection, 2005, 2999])
def test_a_code_comes_back_from_the_wire(code: int) -> None:
    assert code_of(request_of(code)) == code


def test_the_wrong_passphrase_is_1010_on_the_wire() -> None:
    assert request_of(Rejection.BAD_SECRET) == 1010
    assert request_of(Rejection.UNAUTHORIZED) == 2401


@pytest.mark.parametrize("request_field", [0, 1, 999, 0xFFFF_FFFF, 0xFFFF_FFFE, 0x8000_0000])
def test_other_requests_are_no_rejections(request_field: int) -> None:
    assert code_of(request_field) is None


def test_codes_that_nobody_has_named_are_told_by_their_range() -> None:
    assert sentence(1010) == "reason 1010"
    assert sentence(2005) == "the peer's own reason 2005"
    assert sentence(Rejection.NOT_FOUND) == "no such stream"
