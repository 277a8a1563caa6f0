"""A hook service with moods, and what its faults do: the scenario in small, to see what it says."""

import socket
from collections.abc import Iterator

import pytest

from bench.hook_service import HEALTHY, MOODS
from bench.lines import Child
from bench.scenarios import hook_faults
from bench.servers import HOST

CALL = b"POST /hook HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
PATIENCE_S = 20.0
SECONDS = 1.0


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Child, int]]:
    with Child("bench.hook_service", "--folder", str(tmp_path_factory.mktemp("service"))) as child:
        yield child, child.hear()["http"]


BEGINNINGS = {
    HEALTHY: b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n0",
    "error": b"HTTP/1.1 500 Oh\r\n",
    "drip": b"HT",
    "redirect": b"HTTP/1.1 307 There\r\n",
    "gigabyte": b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n" + bytes(100_000),
    "reset": b"",
}
"""What comes, at least; one that hangs says nothing for longer than a test takes."""


@pytest.mark.parametrize("mood", BEGINNINGS)
def test_the_service_is_in_the_mood_that_it_is_told(mood: str, service: tuple[Child, int]) -> None:
    child, port = service
    before = child.ask("mark")["http"]
    assert child.ask("mood", mood)["mood"] == mood
    wanted = BEGINNINGS[mood]
    with socket.create_connection((HOST, port), PATIENCE_S) as sock:
        sock.sendall(CALL)
        heard, was_reset = b"", False
        while len(heard) < len(wanted) or not wanted:
            try:
                data = sock.recv(65_536)
            except ConnectionResetError:
                was_reset = True
                break
            assert data, "closed without a reset"
            heard += data
    assert heard.startswith(wanted)
    assert was_reset == (mood == "reset")
    assert child.ask("mark")["http"] == before + 1


def test_a_kept_connection_changes_its_mood_with_the_service(service: tuple[Child, int]) -> None:
    child, port = service
    with socket.create_connection((HOST, port), PATIENCE_S) as sock:
        answers = []
        for mood in (HEALTHY, "error", HEALTHY):
            child.ask("mood", mood)
            sock.sendall(CALL)
            answers.append(sock.recv(1000)[9:12])
    assert answers == [b"200", b"500", b"200"]


def test_every_fault_is_a_mood_or_the_certificate() -> None:
    assert set(hook_faults.FAULTS) == set(MOODS) - {HEALTHY} | {hook_faults.CERTIFICATE}


@pytest.mark.slow
def test_who_comes_while_the_service_fails_is_told_by_the_policy_and_who_watches_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What a loaded machine decides is not for tests to judge.
    monkeypatch.setenv("FANLIGHT_OVERLOAD__ENABLED", "false")
    with hook_faults.stage(players=6, settle_s=0) as stage:
        calm = stage.outing(HEALTHY, SECONDS)
        asked = stage.service.ask("mark")["http"]
        faulty = {fault: stage.outing(fault, SECONDS) for fault in ("error", hook_faults.CERTIFICATE)}
        assert stage.service.ask("mark")["http"] > asked
        assert (sum(stage.session.lost.values()), stage.session.gaps) == (0, 0)
    coming = round(SECONDS * hook_faults.COMING_PER_S)
    assert (calm.knocked["let_in"], calm.knocked["refused"]) == (coming, [])
    assert calm.visited["waited_ms"]["count"] == coming
    for fault, outing in faulty.items():
        assert outing.knocked["let_in"] == 0, fault
        assert all("NetStream.Publish.BadName" in said for said in outing.knocked["refused"]), fault
        assert outing.visited["waited_ms"]["count"] == coming, fault
    assert faulty["error"].trips > 0
    rows = hook_faults.promises_of("error", [(calm, faulty["error"])])
    assert [row.what for row in rows] == [
        "error: fan-out's processor time per byte",
        "error: delay, p50",
        "error: delay, p99",
        "error: throughput lost",
        "error: publishers let in",
        "error: a publisher's wait for its answer, worst",
        "error: newcomers without a picture",
        "error: windows in which no breaker opened",
    ]
    assert all(row.measured > 0 for row in rows[:4])
    assert all(row.kept for row in rows[4:] if row.unit != "ms")  # no decision of a test is a time
