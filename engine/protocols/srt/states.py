"""The states of a handshake at both ends, each as one table.

Rule 1. Everything that decides whether an input is allowed now stands in this file.

Rule 2. An exchange at the listener is one caller's attempt: its address, its socket id and its initial
sequence number. UNKNOWN is the state of all exchanges that we hold nothing about, so the listener has no
object for it, and an induction never leads out of it: only a conclusion with a valid cookie does.

Rule 3. What was answered stays answered. A conclusion that comes again, because our answer was lost or is
late, gets the same bytes; while the decision is pending it gets nothing.

Rule 4. A caller that has moved on does not go back: a late answer to its induction changes nothing, nor does
anything that comes after it has succeeded or failed.

Rule 5. What a peer may not do raises RemoteProtocolError; what we may not do, LocalProtocolError.
"""

from enum import Enum, auto
from typing import Final, TypeVar

from engine.protocols.srt.errors import LocalProtocolError, RemoteProtocolError


class ExchangeState(Enum):
    """Where a listener stands with one caller's attempt."""

    UNKNOWN = auto()
    ASKED = auto()
    ACCEPTED = auto()
    REFUSED = auto()


class ExchangeInput(Enum):
    """What can happen to it; the caller's part first, ours below."""

    INDUCTION = auto()
    CONCLUSION = auto()

    ACCEPT = auto()
    REFUSE = auto()
    FORGET = auto()


EXCHANGE_LOCAL_INPUTS: Final = frozenset({ExchangeInput.ACCEPT, ExchangeInput.REFUSE, ExchangeInput.FORGET})

EXCHANGE: Final[dict[ExchangeState, dict[ExchangeInput, ExchangeState]]] = {
    ExchangeState.UNKNOWN: {
        ExchangeInput.INDUCTION: ExchangeState.UNKNOWN,
        ExchangeInput.CONCLUSION: ExchangeState.ASKED,
    },
    ExchangeState.ASKED: {
        ExchangeInput.INDUCTION: ExchangeState.ASKED,
        ExchangeInput.CONCLUSION: ExchangeState.ASKED,
        ExchangeInput.ACCEPT: ExchangeState.ACCEPTED,
        ExchangeInput.REFUSE: ExchangeState.REFUSED,
        ExchangeInput.FORGET: ExchangeState.UNKNOWN,
    },
    ExchangeState.ACCEPTED: {
        ExchangeInput.INDUCTION: ExchangeState.ACCEPTED,
        ExchangeInput.CONCLUSION: ExchangeState.ACCEPTED,
        ExchangeInput.FORGET: ExchangeState.UNKNOWN,
    },
    ExchangeState.REFUSED: {
        ExchangeInput.INDUCTION: ExchangeState.REFUSED,
        ExchangeInput.CONCLUSION: ExchangeState.REFUSED,
        ExchangeInput.FORGET: ExchangeState.UNKNOWN,
    },
}


class CallerState(Enum):
    """Where a caller stands."""

    INDUCING = auto()
    CONCLUDING = auto()
    CONNECTED = auto()
    FAILED = auto()


class CallerInput(Enum):
    """What can happen to it; the listener's part first, ours below."""

    INDUCTION_ANSWER = auto()
    CONCLUSION_ANSWER = auto()
    REJECTION = auto()

    GIVE_UP = auto()


CALLER_LOCAL_INPUTS: Final = frozenset({CallerInput.GIVE_UP})

CALLER: Final[dict[CallerState, dict[CallerInput, CallerState]]] = {
    CallerState.INDUCING: {
        CallerInput.INDUCTION_ANSWER: CallerState.CONCLUDING,
        CallerInput.REJECTION: CallerState.FAILED,
        CallerInput.GIVE_UP: CallerState.FAILED,
    },
    CallerState.CONCLUDING: {
        CallerInput.INDUCTION_ANSWER: CallerState.CONCLUDING,
        CallerInput.CONCLUSION_ANSWER: CallerState.CONNECTED,
        CallerInput.REJECTION: CallerState.FAILED,
        CallerInput.GIVE_UP: CallerState.FAILED,
    },
    CallerState.CONNECTED: {
        CallerInput.INDUCTION_ANSWER: CallerState.CONNECTED,
        CallerInput.CONCLUSION_ANSWER: CallerState.CONNECTED,
        CallerInput.REJECTION: CallerState.CONNECTED,
    },
    CallerState.FAILED: {
        CallerInput.INDUCTION_ANSWER: CallerState.FAILED,
        CallerInput.CONCLUSION_ANSWER: CallerState.FAILED,
        CallerInput.REJECTION: CallerState.FAILED,
        CallerInput.GIVE_UP: CallerState.FAILED,
    },
}

S = TypeVar("S", ExchangeState, CallerState)
I = TypeVar("I", ExchangeInput, CallerInput)  # noqa: E741 - the pair (S, I) reads as in any text on state machines


def exchange_step(state: ExchangeState, input_: ExchangeInput) -> ExchangeState:
    """The exchange's next state. Raises, by whose fault it is, for what the table does not allow."""
    return _look_up(EXCHANGE, state, input_, input_ in EXCHANGE_LOCAL_INPUTS)


def caller_step(state: CallerState, input_: CallerInput) -> CallerState:
    """The caller's next state. Raises, by whose fault it is, for what the table does not allow."""
    return _look_up(CALLER, state, input_, input_ in CALLER_LOCAL_INPUTS)


def _look_up(table: dict[S, dict[I, S]], state: S, input_: I, ours: bool) -> S:
    following = table[state].get(input_)
    if following is not None:
        return following
    what = f"{input_.name.lower()} is not possible in state {state.name.lower()}"
    raise LocalProtocolError(what) if ours else RemoteProtocolError(what)
