"""A fanout worker that stays down has its listeners served by a sibling until it is back."""

import os
import signal
from pathlib import Path

import pytest

from tests.workers.supervisor.engines import Engine
from workers.runtime.messages import Lend, TakeBack
from workers.supervisor.loans import Loans, Order


def all_up(count: int) -> Loans:
    loans = Loans(count)
    for index in range(count):
        assert loans.owner_up(index) == []
    return loans


def test_overdue_worker_lends_to_the_next_sibling_and_takes_back() -> None:
    loans = all_up(3)
    assert loans.owner_down(1) == []
    assert loans.owner_overdue(1) == [Order(2, Lend(1))]
    assert loans.owner_overdue(1) == []
    assert loans.owner_up(1) == [Order(2, TakeBack(1))]
    assert loans.lent == frozenset()


def test_worker_that_is_back_in_time_lends_nothing() -> None:
    loans = all_up(2)
    loans.owner_down(0)
    loans.owner_up(0)
    assert loans.owner_overdue(0) == []


def test_borrower_that_dies_is_replaced_and_told_later_with_the_other() -> None:
    loans = all_up(3)
    loans.owner_down(0)
    loans.owner_overdue(0)
    assert loans.owner_down(1) == [Order(2, Lend(0))]
    assert loans.owner_overdue(1) == [Order(2, Lend(1))]
    # The first borrower's successor finds the old Lend in its inbox, so it has to be told as well.
    assert loans.owner_up(0) == [Order(1, TakeBack(0)), Order(2, TakeBack(0))]


def test_first_worker_up_borrows_what_nobody_could_take() -> None:
    loans = all_up(2)
    loans.owner_down(0)
    loans.owner_down(1)
    assert loans.owner_overdue(0) == []
    assert loans.owner_up(1) == [Order(1, Lend(0))]


def test_worker_without_siblings_lends_nothing() -> None:
    loans = all_up(1)
    loans.owner_down(0)
    assert loans.owner_overdue(0) == []
    assert loans.owner_up(0) == []


@pytest.mark.slow
def test_connections_for_a_worker_that_stays_down_are_answered_by_its_sibling(tmp_path: Path) -> None:
    with Engine(tmp_path, roles={"fanout": "sick"}, restart_intensity=1) as engine:
        engine.until("ready")
        os.kill(engine.pids()["fanout1"], signal.SIGKILL)
        engine.until("listener_moved", order="Lend", owner=1, borrower=0)
        assert {engine.ask("http").split()[0] for _ in range(16)} == {"fanout0"}
        assert {engine.ask("rtmp").split()[0] for _ in range(16)} == {"fanout0"}
        srt = engine.until("listening")["srt"]
        assert {engine.ask_datagram(srt).split()[0] for _ in range(16)} == {"fanout0"}
        engine.until("listener_moved", order="TakeBack", owner=1, borrower=0)
        assert engine.stop() == 0
