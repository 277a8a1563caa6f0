"""Every state machine is total: each pair of state and input is answered, or refused by whose fault it is."""

from collections.abc import Callable, Collection, Mapping
from enum import Enum
from itertools import product
from typing import NamedTuple, Protocol, TypeVar

import pytest

from engine.protocols.rtmp import errors as rtmp_errors
from engine.protocols.rtmp import states as rtmp
from engine.protocols.srt import errors as srt_errors
from engine.protocols.srt import states as srt

S = TypeVar("S", bound=Enum)
I = TypeVar("I", bound=Enum)  # noqa: E741 - the pair (S, I) reads as in any text on state machines

Table = Mapping[S, Mapping[I, S]]


class Machine(NamedTuple):
    """A table with what walks it, and the two errors of its package."""

    name: str
    table: Mapping[Enum, Mapping[Enum, Enum]]
    inputs: type[Enum]
    local_inputs: Collection[Enum]
    step: Callable[..., Enum]
    local_error: type[Exception]
    remote_error: type[Exception]


class Errors(Protocol):
    """The module of a package's errors."""

    @property
    def LocalProtocolError(self) -> type[Exception]: ...

    @property
    def RemoteProtocolError(self) -> type[Exception]: ...


def machine(
    name: str,
    table: Table[S, I],
    inputs: type[I],
    ours: Collection[I],
    step: Callable[[S, I], S],
    errors: Errors,
) -> Machine:
    """Name a machine; the type variables see to it that table, inputs and step belong together."""
    local_error, remote_error = errors.LocalProtocolError, errors.RemoteProtocolError
    return Machine(name, table, inputs, ours, step, local_error, remote_error)  # type: ignore[arg-type]


MACHINES = [
    machine("rtmp server", rtmp.SERVER, rtmp.Input, rtmp.LOCAL_INPUTS, rtmp.step, rtmp_errors),
    machine(
        "rtmp client",
        rtmp.CLIENT,
        rtmp.ClientInput,
        rtmp.CLIENT_LOCAL_INPUTS,
        rtmp.client_step,
        rtmp_errors,
    ),
    machine(
        "srt listener's exchange",
        srt.EXCHANGE,
        srt.ExchangeInput,
        srt.EXCHANGE_LOCAL_INPUTS,
        srt.exchange_step,
        srt_errors,
    ),
    machine("srt caller", srt.CALLER, srt.CallerInput, srt.CALLER_LOCAL_INPUTS, srt.caller_step, srt_errors),
]
each_machine = pytest.mark.parametrize("subject", MACHINES, ids=lambda subject: subject.name)


def first_state(subject: Machine) -> Enum:
    return next(iter(subject.table))


@each_machine
def test_every_state_has_a_row(subject: Machine) -> None:
    assert set(subject.table) == set(type(first_state(subject)))


@each_machine
def test_every_input_is_possible_somewhere(subject: Machine) -> None:
    assert {given for row in subject.table.values() for given in row} == set(subject.inputs)


@each_machine
def test_every_state_can_be_reached(subject: Machine) -> None:
    reached = {first_state(subject)}
    while more := {after for state in reached for after in subject.table[state].values()} - reached:
        reached |= more
    assert reached == set(subject.table)


@each_machine
def test_every_pair_goes_on_as_the_table_says_or_is_refused(subject: Machine) -> None:
    for state, given in product(subject.table, subject.inputs):
        if given in subject.table[state]:
            assert subject.step(state, given) is subject.table[state][given]
        else:
            fault = subject.local_error if given in subject.local_inputs else subject.remote_error
            with pytest.raises(fault):
                subject.step(state, given)
