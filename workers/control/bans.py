"""Bans as the API makes them: control has the only pen, and everybody reads (workers/runtime/bans.py)."""

import secrets
import time
from pathlib import Path

from engine.access.bans import MAX_BANS, Ban, parse_banned
from workers.control import models
from workers.control.streams import wall_time
from workers.runtime.bans import read_bans, write_bans

NS_PER_S = 1_000_000_000


class TooManyBans(Exception):
    """There is no room for another one."""


class Bans:
    """All bans. What a control that has died wrote down is gone on with.

    Args:
        folder: where they are written down.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bans = {ban.id: ban for ban in read_bans(folder)}

    def all(self) -> list[models.Ban]:
        """Those that hold, the oldest first."""
        return [shown(ban) for ban in self._holding()]

    def add(self, wanted: models.NewBan) -> models.Ban:
        """Ban, at once. The same again takes the place of the first. Raises BadBan, TooManyBans."""
        value, now_s = parse_banned(wanted.kind, wanted.value), time.time()
        kept = [ban for ban in self._holding() if (ban.kind, ban.value) != (wanted.kind, value)]
        if len(kept) >= MAX_BANS:
            raise TooManyBans(f"there are {MAX_BANS} bans already")
        ban = Ban(
            id=secrets.token_hex(6),
            kind=wanted.kind,
            value=value,
            reason=wanted.reason,
            since_s=now_s,
            until_s=now_s + wanted.seconds if wanted.seconds is not None else None,
        )
        self._write([*kept, ban])
        return shown(ban)

    def remove(self, ban_id: str) -> bool:
        """Lift a ban; whether it was there."""
        kept = [ban for ban in self._holding() if ban.id != ban_id]
        found = ban_id in self._bans
        self._write(kept)
        return found

    def _holding(self) -> list[Ban]:
        now_s = time.time()
        return [ban for ban in self._bans.values() if ban.holds(now_s)]

    def _write(self, bans: list[Ban]) -> None:
        write_bans(self._folder, bans)
        self._bans = {ban.id: ban for ban in bans}


def shown(ban: Ban) -> models.Ban:
    """A ban in the API's shape."""
    return models.Ban(
        id=ban.id,
        kind=ban.kind,
        value=ban.value,
        reason=ban.reason,
        since=wall_time(int(ban.since_s * NS_PER_S)),
        until=None if ban.until_s is None else wall_time(int(ban.until_s * NS_PER_S)),
    )
