"""What the tables of the handshake mean beyond being total, which the house tests see to."""

import pytest

from engine.protocols.srt.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.srt.states import (
    CALLER,
    EXCHANGE,
    CallerInput,
    CallerState,
    ExchangeInput,
    ExchangeState,
    caller_step,
    exchange_step,
)


def test_no_induction_changes_a_listener() -> None:
    for state in ExchangeState:
        assert exchange_step(state, ExchangeInput.INDUCTION) is state


def test_a_decision_is_taken_once() -> None:
    for state in (ExchangeState.UNKNOWN, ExchangeState.ACCEPTED, ExchangeState.REFUSED):
        for decision in (ExchangeInput.ACCEPT, ExchangeInput.REFUSE):
            with pytest.raises(LocalProtocolError):
                exchange_step(state, decision)


def test_a_listener_answers_whatever_a_caller_does() -> None:
    for row in EXCHANGE.values():
        assert {ExchangeInput.INDUCTION, ExchangeInput.CONCLUSION} <= set(row)


def test_nothing_moves_a_caller_that_is_through() -> None:
    for state in (CallerState.CONNECTED, CallerState.FAILED):
        assert set(CALLER[state].values()) == {state}


def test_a_listener_cannot_conclude_what_was_not_induced() -> None:
    with pytest.raises(RemoteProtocolError):
        caller_step(CallerState.INDUCING, CallerInput.CONCLUSION_ANSWER)
