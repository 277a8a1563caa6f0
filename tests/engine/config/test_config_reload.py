"""What a reload may change, and what waits for the next start."""

import pytest

from engine.config import KEYS, Config, ConfigError, Reload, apply_hot, diff, load


def test_nothing_changed() -> None:
    assert diff(Config(), load("", {})) == Reload(hot=(), restart=())


def test_what_is_built_at_start_needs_a_restart() -> None:
    assert {key.dotted for key in KEYS.values() if key.restart} == {
        "rtmp.listen",
        "http.listen",
        "tls.certificate",
        "tls.key",
        "tls.https",
        "tls.rtmps",
        "srt.enabled",
        "srt.listen",
        "srt.ports",
        "api.listen",
        "metrics.listen",
        "workers.fanout",
        "workers.ingest",
        "workers.packager",
        "ring.bytes",
        "ring.index_entries",
        "publish.max_streams",
        "hls.enabled",
        "hls.ring_bytes",
        "hls.folder_bytes",
        "hooks.folder",
        "hooks.spool_bytes",
        "traces.url",
    }


def test_a_change_is_named_by_key_on_its_side() -> None:
    new = load('[http]\nlisten = "0.0.0.0:8081"\ncors_origin = ""\n[log]\nlevel = "debug"', {})
    assert diff(Config(), new) == Reload(hot=("http.cors_origin", "log.level"), restart=("http.listen",))


def test_tables_that_come_change_and_go_are_hot() -> None:
    old = load('[paths."live/a"]\ngrace_s = 1\n[paths."live/b"]\nwait_s = 1', {})
    new = load('[paths."live/a"]\ngrace_s = 2\n[paths."live/c"]\ngop = {max_gops = 1}', {})
    assert diff(old, new).hot == (
        'paths."live/a".grace_s',
        'paths."live/b".wait_s',
        'paths."live/c".max_gops',
    )


def test_a_change_of_a_key_is_told_without_the_key() -> None:
    old, new = (
        load('[publish]\npublish_key = "old-secret"', {}),
        load('[paths."a/b"]\npublish_key = "other"', {}),
    )
    told = repr(diff(old, new))
    assert "publish.publish_key" in told
    assert 'paths."a/b".publish_key' in told
    assert "secret" not in told
    assert "other" not in told


def test_what_needs_a_restart_stays_as_it_was() -> None:
    new = load("[workers]\ningest = 2\ndrain_s = 5", {})
    running = apply_hot(Config(), new)
    assert (running.workers.ingest, running.workers.drain_s) == (1, 5)
    assert diff(running, new) == Reload(hot=(), restart=("workers.ingest",))


def test_hot_values_that_need_a_larger_ring_are_not_applied_to_the_old_one() -> None:
    new = load("[ring]\nbytes = 67108864\n[fanout]\nmax_lag_bytes = 33554432", {})
    with pytest.raises(ConfigError, match=r"without a restart: ring\.bytes: 33554432 is less than twice"):
        apply_hot(Config(), new)
