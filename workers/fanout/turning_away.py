"""Players who have to go although they did nothing wrong, or because they did: once a second, by the guard's
word.
"""

import time
from collections.abc import Iterable
from typing import Final

from engine.access.bans import BanTable
from workers.fanout.player import Player, PlayerState
from workers.runtime.remotes import ip_of

DROPPED_PART: Final = 100
"""One player in so many goes each second at the top of the overload ladder: half of them in a minute."""


def to_drop(players: Iterable[Player]) -> list[Player]:
    """Those of least priority: who cannot keep up anyway, and then who has come last."""
    watching = [player for player in players if not player.done]
    watching.sort(key=lambda player: (player.state is not PlayerState.BEHIND, -player.joined_ns))
    return watching[: -(-len(watching) // DROPPED_PART)]


def to_ban(players: Iterable[Player], bans: BanTable) -> list[Player]:
    """Those whose address is banned, or the key that let them in."""
    now_s = time.time()
    return [
        player
        for player in players
        if bans.of_address(ip_of(player.remote), now_s) or bans.of_key(player.key_id, now_s)
    ]
