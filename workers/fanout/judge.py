"""What is done about a player that has too much before it: the policy's verdict, carried out."""

import trio

from engine.policy.lag import SlowPlayer, Verdict
from workers.fanout.goodbyes import Goodbyes
from workers.fanout.ground import Ground
from workers.fanout.moves import Moves
from workers.fanout.player import Player, PlayerState
from workers.fanout.sinks import queued_bytes


class Judge:
    """Judges the players behind on one ground."""

    def __init__(self, ground: Ground, moves: Moves, goodbyes: Goodbyes) -> None:
        self._ground = ground
        self._moves = moves
        self._goodbyes = goodbyes

    def judge(self, player: Player) -> None:
        """Let a slow player stay, jump, wait or go. Raises Lapped."""
        if player.state is not PlayerState.BEHIND:
            return
        if player.parting or self._ground.ended:
            self._see_out(player)
            return
        if player.slow is None:
            player.slow = SlowPlayer(self._ground.source.lag_limits)
        player.slow.limits = self._ground.source.lag_limits  # they may have been loaded anew
        verdict = player.slow.judge(
            self._ground.lag_us(player),
            self._lag_bytes(player),
            player.debt_us,
            player.debt_bytes,
            trio.current_time(),
        )
        self._carry_out(verdict, player)

    def _see_out(self, player: Player) -> None:
        """Nobody falls further behind any more, but nobody has for ever to take what is left."""
        if trio.current_time() > player.linger_until_s:
            self._goodbyes.close(player, player.parting or "too_slow")

    def _carry_out(self, verdict: Verdict, player: Player) -> None:
        if verdict is Verdict.CLOSE:
            self._goodbyes.close(player, "too_slow")
        elif verdict is Verdict.WAIT:
            self._wait(player)
        elif verdict is Verdict.JUMP:
            self._jump(player)

    def _jump(self, player: Player) -> None:
        ground = self._ground
        start = ground.source.seams.newest_start()
        if start is None or start.seq <= ground.log.seq_at(player.position):
            self._wait(player)
            return
        player.jumps += 1
        ground.figures.jumps["too_slow"] += 1
        self._moves.move(player, start, "too_slow")

    def _wait(self, player: Player) -> None:
        player.jumps += 1
        self._ground.figures.jumps["waited"] += 1
        self._moves.wait_after_tag(player)

    def _lag_bytes(self, player: Player) -> int:
        """Bytes still to be sent, with those that wait in the kernel."""
        return max(0, self._ground.log.end - player.position) + queued_bytes(player.sock)
