"""The certificate of a worker: taken anew when its files change, kept when the new ones are no good."""

import os
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import trio
from trio.testing import MockClock

from engine.config import Config, Tls
from tests.certificates import make_pair, write_pair
from workers.fanout.tls_contexts import LOOK_S, TlsContexts
from workers.runtime.worker import HTTPS, RTMPS


class Log:
    """Events by name."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()

    def info(self, event: str, **_: object) -> None:
        self.events[event] += 1

    error = info


class Report:
    """What was counted of certificates."""

    def __init__(self) -> None:
        self.reloads: list[str] = []
        self.not_after_s: list[float] = []

    def certificate_reloaded(self, result: str) -> None:
        self.reloads.append(result)

    def certificate_in_use(self, not_after_s: float) -> None:
        self.not_after_s.append(not_after_s)


def contexts_of(folder: Path) -> tuple[TlsContexts, Report, Log]:
    tls = Tls(certificate=str(folder / "certificate.pem"), key=str(folder / "key.pem"))
    worker = SimpleNamespace(config=Config(tls=tls), log=Log(), on_reload=lambda callback: None)
    report = Report()
    return TlsContexts(cast("Any", worker), cast("Any", report)), report, worker.log


def rewrite(folder: Path, pair: tuple[bytes, bytes], time_s: int) -> None:
    """Write as if at this time: a test is quicker than the clock that files have."""
    write_pair(folder, pair)
    for name in ("certificate.pem", "key.pem"):
        os.utime(folder / name, (time_s, time_s))


async def test_changed_files_are_taken_within_a_minute(tmp_path: Path, autojump_clock: MockClock) -> None:
    write_pair(tmp_path, make_pair(days=10))
    contexts, report, _ = contexts_of(tmp_path)
    before = contexts.of(HTTPS)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(contexts.watch)
        await trio.sleep(LOOK_S + 1)
        assert contexts.of(HTTPS) is before
        rewrite(tmp_path, make_pair(days=50), 1)
        await trio.sleep(LOOK_S)
        nursery.cancel_scope.cancel()
    assert contexts.of(HTTPS) is not before
    assert report.reloads == ["applied"]
    assert report.not_after_s[0] < report.not_after_s[1]


def test_bad_pair_is_refused_once_and_the_one_before_it_stays(tmp_path: Path) -> None:
    write_pair(tmp_path)
    contexts, report, log = contexts_of(tmp_path)
    before = contexts.of(RTMPS)
    for number, pair in enumerate(((make_pair()[0], make_pair()[1]), make_pair(days=-1), (b"", b""))):
        rewrite(tmp_path, pair, number)
        contexts.look()
        contexts.look()
    (tmp_path / "key.pem").unlink()
    contexts.look()
    assert contexts.of(RTMPS) is before
    assert report.reloads == ["refused"] * 4
    assert log.events["certificate_refused"] == 4


def test_worker_that_begins_without_a_certificate_serves_once_there_is_one(tmp_path: Path) -> None:
    contexts, _, _ = contexts_of(tmp_path)
    assert contexts.of(HTTPS) is None
    write_pair(tmp_path)
    contexts.look()
    assert contexts.of(HTTPS) is not None


def test_old_certificate_is_better_than_none_at_the_start(tmp_path: Path) -> None:
    write_pair(tmp_path, make_pair(days=-1))
    contexts, _, _ = contexts_of(tmp_path)
    assert contexts.of(HTTPS) is not None
