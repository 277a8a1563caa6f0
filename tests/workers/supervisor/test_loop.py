"""The supervisor's loop: timers, signals and descriptors in one place."""

import os
import signal
from collections.abc import Iterator

import pytest

from workers.supervisor.loop import Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    before = signal.getsignal(signal.SIGUSR1)
    yield made
    signal.signal(signal.SIGUSR1, before)
    made.close()


def test_timers_run_in_the_order_of_their_times_and_once(loop: Loop) -> None:
    ran: list[str] = []
    now = loop.now()
    for name, when in (("late", now), ("early", now - 2), ("middle", now - 1)):
        loop.at(name, when, lambda name=name: ran.append(name))  # type: ignore[misc]
    loop.after("end", 0, loop.stop)
    loop.run()
    assert ran == ["early", "middle", "late"]


def test_timer_can_be_cancelled_and_replaced_by_an_earlier_one(loop: Loop) -> None:
    ran: list[str] = []

    def first() -> None:
        loop.cancel("cancelled")
        loop.after("replaced", 0, lambda: ran.append("new"))

    now = loop.now()
    loop.at("first", now - 3, first)
    loop.at("cancelled", now - 2, lambda: ran.append("cancelled"))
    loop.at("replaced", now - 1, lambda: ran.append("old"))
    loop.after("end", 0.001, loop.stop)
    loop.run()
    assert ran == ["new"]


def test_signal_is_a_callback_in_the_loop_also_when_it_came_before(loop: Loop) -> None:
    called: list[str] = []

    def come() -> None:
        called.append("signal")
        loop.stop()

    loop.on_signal(signal.SIGUSR1, come)
    os.kill(os.getpid(), signal.SIGUSR1)
    loop.run()
    assert called == ["signal"]


def test_descriptor_that_an_earlier_callback_closed_is_not_called(loop: Loop) -> None:
    """Two workers die in one instant, and the first one's burial gives its number to another's pidfd."""
    pipes = [os.pipe() for _ in range(2)]
    called: list[int] = []

    def close_both(which: int) -> None:
        called.append(which)
        for reader, writer in pipes:
            loop.unwatch(reader)
            os.close(reader)
            os.close(writer)
        loop.stop()

    for which, (reader, writer) in enumerate(pipes):
        loop.watch(reader, lambda which=which: close_both(which))  # type: ignore[misc]
        os.write(writer, b"x")
    loop.run()
    assert len(called) == 1
