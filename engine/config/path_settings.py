"""What holds for one stream: the sections' values with the matching path tables laid over them."""

from collections.abc import Iterable
from typing import Final

from msgspec import UNSET, Struct
from msgspec.structs import asdict, replace

from engine.access.names import publisher_name
from engine.config.key_table import KeyTable
from engine.config.networks import Networks
from engine.config.passphrases import Passphrases
from engine.config.patterns import matches, specificity
from engine.config.secret import Secret
from engine.config.tree import Config, Gop, HlsVariant, Hooks, Limits, PathTable, SlowPlayer, StartMode
from engine.config.word_sets import Ways

_NESTED: Final = {"gop": frozenset(Gop.__struct_fields__), "limits": frozenset(Limits.__struct_fields__)}
"""Sections that stay together, and their keys."""

_HOOKS_PREFIX: Final = "hooks_"


class PathSettings(Struct, frozen=True, kw_only=True):
    """All that may differ between streams, resolved. Names, units and limits are those of the sections."""

    publish_key: Secret
    publish_keys: KeyTable
    publish_access: Ways
    publish_allow: Networks
    publish_deny: Networks
    play_keys: KeyTable
    play_access: Ways
    play_allow: Networks
    play_deny: Networks
    takeover: bool
    grace_s: float
    first_packet_s: float
    idle_s: float
    start: StartMode
    wait_s: float
    min_coalesce_ms: int
    max_coalesce_ms: int
    max_lag_s: float
    max_lag_bytes: int
    slow_player: SlowPlayer
    max_jumps: int
    jump_window_s: float
    srt_passphrase: Secret
    srt_passphrases: Passphrases
    srt_latency_ms: int
    hls_variant: HlsVariant
    hls_segment_s: float
    hls_max_segment_s: float
    hls_playlist_segments: int
    hls_part_s: float
    hls_delete_after_s: float
    hls_on_demand: bool
    hls_end_list: bool
    hls_return_s: float
    gop: Gop
    limits: Limits
    hooks: Hooks


def for_path(config: Config, name: str) -> PathSettings:
    """Resolve the settings of stream `name` ("live/cam", already validated); of a track, its publisher's.

    Costs a few microseconds per pattern: callers keep the result per stream, and ask again after a reload.
    """
    name = publisher_name(name)
    ranked = sorted((pattern for pattern in config.paths if matches(pattern, name)), key=specificity)
    return overlay(without_tables(config), (config.paths[pattern] for pattern in ranked))


def without_tables(config: Config) -> PathSettings:
    """What holds for a stream that no pattern matches."""
    publish, play, fanout, srt, hls = config.publish, config.play, config.fanout, config.srt, config.hls
    return PathSettings(
        publish_key=publish.publish_key,
        publish_keys=publish.publish_keys,
        publish_access=publish.publish_access,
        publish_allow=publish.publish_allow,
        publish_deny=publish.publish_deny,
        play_keys=play.play_keys,
        play_access=play.play_access,
        play_allow=play.play_allow,
        play_deny=play.play_deny,
        takeover=publish.takeover,
        grace_s=publish.grace_s,
        first_packet_s=publish.first_packet_s,
        idle_s=publish.idle_s,
        start=play.start,
        wait_s=play.wait_s,
        min_coalesce_ms=fanout.min_coalesce_ms,
        max_coalesce_ms=fanout.max_coalesce_ms,
        max_lag_s=fanout.max_lag_s,
        max_lag_bytes=fanout.max_lag_bytes,
        slow_player=fanout.slow_player,
        max_jumps=fanout.max_jumps,
        jump_window_s=fanout.jump_window_s,
        srt_passphrase=srt.passphrase,
        srt_passphrases=srt.passphrases,
        srt_latency_ms=srt.latency_ms,
        hls_variant=hls.variant,
        hls_segment_s=hls.segment_s,
        hls_max_segment_s=hls.max_segment_s,
        hls_playlist_segments=hls.playlist_segments,
        hls_part_s=hls.part_s,
        hls_delete_after_s=hls.delete_after_s,
        hls_on_demand=hls.on_demand,
        hls_end_list=hls.end_list,
        hls_return_s=hls.return_s,
        gop=config.gop,
        limits=config.limits,
        hooks=config.hooks,
    )


def overlay(settings: PathSettings, tables: Iterable[PathTable]) -> PathSettings:
    """Lay tables over settings, the most specific one last."""
    given: dict[str, object] = {}
    for table in tables:
        given.update((name, value) for name, value in asdict(table).items() if value is not UNSET)
    for section, keys in _NESTED.items():
        nested = {name: given.pop(name) for name in keys & given.keys()}
        given[section] = replace(getattr(settings, section), **nested)
    hooks = {name: given.pop(name) for name in list(given) if name.startswith(_HOOKS_PREFIX)}
    own_hooks = {name.removeprefix(_HOOKS_PREFIX): value for name, value in hooks.items()}
    return replace(settings, hooks=replace(settings.hooks, **own_hooks), **given)
