"""Players of HLS whom a service follows are clients: listed, and sent away by the id that it knows."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from engine.hooks.notices import Ended
from engine.hooks.reply import Verdict
from tests.workers.fanout.test_visits import Line, asks, players_of
from workers.fanout.clients import page_of
from workers.fanout.hls_players import VIEWER_S
from workers.fanout.hls_visits import HlsVisits
from workers.fanout.holds import Unanswerable
from workers.fanout.player import Player
from workers.runtime.messages import ClientInfo, ListClients


@pytest.fixture
def line() -> Line:
    return Line()


async def test_a_player_of_hls_that_is_sent_away_gets_no_more_for_the_rest_of_its_visit(
    line: Line, autojump_clock: MockClock
) -> None:
    players = players_of(line)
    await players.check("live/cam", asks(), "")
    await trio.sleep(3)
    await players.check("live/cam", asks(), "")
    (guest,) = players
    assert guest.client_id == line.asked[0].client_id
    assert not players.kick("fanout0-0123456789ab", "kicked")
    assert players.kick(guest.client_id, "kicked")
    assert not players.kick(guest.client_id, "kicked")
    assert list(players) == []
    for _ in range(4):
        await trio.sleep(VIEWER_S - 1)
        players.sweep()
        with pytest.raises(Unanswerable, match="sent away") as refused:
            await players.check("live/cam", asks(), "")
        assert refused.value.status == 403
    (end,) = line.told
    assert isinstance(end, Ended)
    assert (end.session_id, end.reason) == (line.asked[0].id, "kicked")
    assert end.seconds == pytest.approx(3)
    await trio.sleep(VIEWER_S + 1)
    await players.check("live/cam", asks(), "")
    assert len(line.asked) == 2


async def test_who_is_sent_away_takes_nobody_along(line: Line, autojump_clock: MockClock) -> None:
    players = players_of(line)
    for agent in ("hls.js", "VLC"):
        await players.check("live/cam", asks(agent=agent), "")
    first, second = players
    players.kick(first.client_id, "kicked")
    await players.check("live/cam", asks(agent="VLC"), "")
    assert list(players) == [second]


@pytest.mark.parametrize("banned", ["192.0.2.1", "van"])
async def test_a_ban_ends_a_player_of_hls_whose_address_it_names_or_whose_key(
    line: Line, autojump_clock: MockClock, banned: str
) -> None:
    players = players_of(line)
    await players.check("live/cam", asks(), "", "van")
    await players.check("live/cam", asks("192.0.2.2"), "", "car")
    line.takes_s = 1.0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(players.check, "live/other", asks(), "", "van")  # is not in yet
        await trio.sleep(0.5)
        players.end_banned(lambda host, key_id: banned in (host, key_id))
        assert [(guest.host, guest.key_id) for guest in players] == [("192.0.2.2", "car")]
        (end,) = line.told
        assert isinstance(end, Ended)
        assert (end.session_id, end.reason) == (line.asked[0].id, "banned")
    await players.check("live/cam", asks(), "", "van")  # the ban was lifted
    assert len(line.asked) == 4


async def test_only_players_of_hls_who_are_in_are_clients(line: Line, autojump_clock: MockClock) -> None:
    players = players_of(line)
    line.verdicts += [Verdict(allowed=False), Verdict(allowed=True, lifetime_s=5)]
    with pytest.raises(Unanswerable):
        await players.check("live/cam", asks(agent="refused"), "")
    await players.check("live/cam", asks(agent="short"), "")
    await players.check("live/cam", asks(agent="long"), "", "van")
    line.takes_s = 100
    async with trio.open_nursery() as nursery:
        nursery.start_soon(players.check, "live/cam", asks(agent="undecided"), "")
        await trio.sleep(6)
        with pytest.raises(Unanswerable):
            await players.check("live/cam", asks(agent="short"), "")
        assert [(one.user_agent, one.key_id) for one in players] == [("long", "van")]
        nursery.cancel_scope.cancel()


async def test_players_of_hls_are_listed_among_the_others_by_id(
    line: Line, autojump_clock: MockClock
) -> None:
    guests = players_of(line)
    for number in range(5):
        await guests.check("live/cam" if number else "live/other", asks(agent=f"player {number}"), "")
    audience = cast("Any", AudienceOfGuests(guests))
    seen, after = list[ClientInfo](), ""
    while (page := page_of(audience, ListClients(None, after, 2))).clients:
        assert len(page.clients) <= 2
        seen += page.clients
        after = page.clients[-1].id
    assert [one.id for one in seen] == sorted(guest.client_id for guest in guests)
    assert {(one.protocol, one.role, one.remote) for one in seen} == {("hls", "player", "192.0.2.1")}
    (other,) = page_of(audience, ListClients("live/other", "", 10)).clients
    assert other.user_agent == "player 0"


class AudienceOfGuests:
    """A worker's players, none of whom has a connection."""

    worker = SimpleNamespace(slot=SimpleNamespace(name="fanout0"))

    def __init__(self, guests: HlsVisits) -> None:
        self.hls_visits = guests

    def __iter__(self) -> Iterator[Player]:
        return iter(())
