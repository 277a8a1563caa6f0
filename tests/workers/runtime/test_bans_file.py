"""Bans on their way between processes: whole or not there, seen at once, left where they are by a death."""

from pathlib import Path

from engine.access.bans import Ban
from workers.runtime.bans import BanWatch, read_bans, write_bans

BAN = Ban(id="1", kind="stream", value="live/cam", reason="spam", since_s=1.5, until_s=None)
NEXT = Ban(id="2", kind="address", value="192.0.2.0/24", reason="", since_s=2.5, until_s=9.0)


def test_where_nobody_was_ever_banned_nobody_is(tmp_path: Path) -> None:
    watch = BanWatch(tmp_path)
    assert (read_bans(tmp_path), watch.look().bans, watch.version) == ([], (), 0)
    assert BanWatch(None).look().bans == ()


def test_bans_are_seen_at_the_next_look_and_read_once(tmp_path: Path) -> None:
    watch = BanWatch(tmp_path)
    write_bans(tmp_path, [BAN])
    assert watch.look().bans == (BAN,)
    assert watch.look() is watch.look()
    assert watch.version == 1
    write_bans(tmp_path, [BAN, NEXT])
    assert watch.look().bans == (BAN, NEXT)
    write_bans(tmp_path, [])
    assert (watch.look().bans, watch.version) == ((), 3)


def test_a_worker_that_begins_knows_them_from_its_first_moment(tmp_path: Path) -> None:
    write_bans(tmp_path, [BAN])
    assert BanWatch(tmp_path).table.bans == (BAN,)
    assert [path.name for path in tmp_path.iterdir()] == ["bans.json"]
