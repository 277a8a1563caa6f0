"""Books that balance: published = delivered + declared dropped, exactly, whatever befalls a player.

Three parties are heard: the ring, which is what was published; the players, who parse every byte; the engine,
with its log lines and counters.
"""

from collections import Counter
from itertools import chain
from typing import Final

import pytest

from bench.stream import Shape
from tests.e2e.books import Stated, account_of, check_leaver, check_published, check_stayer, ended_lines
from tests.e2e.clients import Player
from tests.e2e.conftest import StartEngine
from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.figures import Figures, wait_for_figures
from tests.e2e.studio import Studio, studio
from tests.e2e.wires import PROTOCOLS

pytestmark = pytest.mark.slow

# A player is slow after tens of kilobytes here, and the ring of two MiB goes round within a story.
SETTINGS: Final[Settings] = {
    "workers": {"fanout": 2, "drain_s": 5.0, "restart_intensity": 100},
    "ring": {"bytes": 2 * 1024 * 1024, "index_entries": 4096},
    "gop": {"max_bytes": 524_288},
    "fanout": {"max_lag_s": 1.0, "max_lag_bytes": 65_536, "max_jumps": 1000, "send_buffer_bytes": 16_384},
    "publish": {"grace_s": 10.0},
}
SHAPE: Final = Shape(key_bytes=24_000, inter_bytes=5_000, audio_bytes=300)
JUMPS: Final = 2
KILLS: Final = 3


async def test_books_balance_for_everybody_who_stays_or_says_goodbye(start_engine: StartEngine) -> None:
    engine = start_engine(SETTINGS)
    async with studio(engine, SHAPE) as stage:
        stayers = [*chain.from_iterable((await stage.join_every_worker()).values())]
        stayers += [await stage.join_playing(protocol, "burst") for protocol in PROTOCOLS]
        leavers = [await stage.join_playing(protocol) for protocol in PROTOCOLS]
        slow, slow_leavers = await join_slow(stage), await join_slow(stage)
        live, live_seq = await join_live(stage, stayers)
        for player in leavers:
            await stage.publisher.more(20)
            await player.leave()
        for player in slow + slow_leavers:
            await let_jump(stage, player)
        for player in slow_leavers:
            await player.leave()
        await stage.end()
        check_published(stage.ring, stage.publisher)
        stated = [check_stayer(player, stage.ring, engine.log) for player in stayers + slow]
        assert [each.dropped for each in stated[: len(stayers)]] == [0] * len(stayers)
        assert all(each.dropped and each.jumps >= JUMPS for each in stated[len(stayers) :])
        stated += [check_stayer(player, stage.ring, engine.log, live_seq) for player in live]
        stated += [check_leaver(player, stage.ring, engine.log) for player in leavers + slow_leavers]
        check_counters(engine, stage.players, stayers + slow + live + leavers + slow_leavers, stated)


async def test_books_balance_while_other_workers_are_killed(start_engine: StartEngine) -> None:
    engine = start_engine(SETTINGS)
    async with studio(engine, SHAPE) as stage:
        fast = [*chain.from_iterable((await stage.join_every_worker()).values())]
        slow = await join_slow(stage, "fanout0")
        live, live_seq = await join_live(stage, fast)
        for session in range(KILLS):
            await stage.kill("ingest0")
            await stage.publisher.until_session(session + 2)
            await let_jump(stage, slow[session])
        victims = [player for player in stage.players if await stage.worker_of(player) == "fanout1"]
        await stage.kill("fanout1")
        late = [await stage.join_playing(protocol) for protocol in PROTOCOLS]
        await stage.publisher.more(40)
        await stage.end()
        check_published(stage.ring, stage.publisher)
        stayers = [player for player in stage.players if player not in victims]
        assert set(late) <= set(stayers)
        stated = [
            check_stayer(player, stage.ring, engine.log, live_seq if player in live else None)
            for player in stayers
        ]
        check_victims(stage, victims, sum(each.delivered for each in stated))


def check_victims(stage: Studio, victims: list[Player], delivered_to_others: int) -> None:
    """Players of a killed worker are counted; what is not known about them is no more than they received."""
    received = 0
    for player in victims:
        received += account_of(player, stage.ring).delivered
        assert not ended_lines(player, stage.engine.log)
    dead = Counter(player.protocol for player in victims)
    figures = wait_for_figures(stage.engine, lambda figures: deaths(figures) == dead)
    assert deaths(figures) == dead
    assert 0 <= figures.sum("fanlight_sent_tags_total") - delivered_to_others <= received


def deaths(figures: Figures) -> Counter[str]:
    """Players that went down with their worker, by protocol."""
    name = "fanlight_players_ended_total"
    return +Counter(
        {protocol: int(figures.sum(name, protocol=protocol, reason="worker_death")) for protocol in PROTOCOLS}
    )


async def join_slow(stage: Studio, worker: str = "") -> list[Player]:
    """Players of each protocol that have read a little, and nothing since."""
    return [await join_one_slow(stage, protocol, worker) for protocol in PROTOCOLS]


async def join_one_slow(stage: Studio, protocol: str, worker: str) -> Player:
    while True:
        player = await stage.join(protocol, small_buffer=True)
        await player.until(lambda player: bool(player.numbers))
        if not worker or await stage.worker_of(player) == worker:
            player.hold()
            return player


async def join_live(stage: Studio, fast: list[Player]) -> tuple[list[Player], int]:
    """Players that wait for the next start point, and the tag from which on they wait.

    `fast` are in every worker: when they have everything, no worker has anything still to send.
    """
    seq = await stage.hold()
    for player in fast:
        await player.until_number(stage.publisher.next_number - 1)
    players = [await stage.join(protocol, "live") for protocol in PROTOCOLS]
    for player in players:
        await stage.conn_of(player)
    stage.publisher.go_on()
    return players, seq


async def let_jump(stage: Studio, player: Player) -> None:
    """Let this player be jumped, and read what comes then, some times."""
    for _ in range(JUMPS):
        await stage.until_jumped(player)
        player.read_on()
        await player.until_more(20)
        player.hold()


def check_counters(
    engine: RunningEngine, everybody: list[Player], players: list[Player], stated: list[Stated]
) -> None:
    """The counters of /metrics are the sums of what was said of each player."""
    assert set(everybody) == set(players)
    delivered, dropped = Counter[str](), Counter[str]()
    for player, each in zip(players, stated, strict=True):
        delivered[player.protocol] += each.delivered
        dropped[player.protocol] += each.dropped
    figures = wait_for_figures(engine, lambda figures: counted(figures) == (delivered, dropped))
    assert counted(figures) == (delivered, dropped)


def counted(figures: Figures) -> tuple[Counter[str], Counter[str]]:
    """Tags sent, and tags dropped, by protocol."""
    sent, dropped = (
        Counter({protocol: int(figures.sum(name, protocol=protocol)) for protocol in PROTOCOLS})
        for name in ("fanlight_sent_tags_total", "fanlight_dropped_tags_total")
    )
    return sent, dropped
