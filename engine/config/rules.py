"""The rules between keys: what each key allows by itself, but not together.

Each rule is a generator of sentences, and the sentence names the keys as the operator knows them.
"""

from collections.abc import Iterator
from itertools import combinations

from engine.access.targets import BadUrl, parse_target
from engine.config.access_rules import (
    ports_are_guarded,
    proxies_are_known,
    tokens_can_be_checked,
    ways_lead_somewhere,
    ways_of_ports_lead_somewhere,
)
from engine.config.listen import Listen
from engine.config.path_settings import PathSettings, overlay, without_tables
from engine.config.patterns import overlap, specificity
from engine.config.tree import Config, Srt
from engine.media.codec_words import CODEC_WORDS, codecs_of
from engine.policy.addresses import parse_networks


def check_rules(config: Config) -> tuple[str, ...]:
    """Return a sentence per broken rule; empty when the configuration can be used."""
    return tuple(
        problem
        for rule in (
            _listeners,
            _tls_is_whole,
            ports_are_guarded,
            ways_of_ports_lead_somewhere,
            tokens_can_be_checked,
            proxies_are_known,
            _streams_per_ingest,
            _index_length,
            _parts_fit,
            _exempt_are_networks,
            _log_goes_somewhere,
            _traces_go_to_an_address,
            _settings_fit,
        )
        for problem in rule(config)
    )


def _listeners(config: Config) -> Iterator[str]:
    tcp = {f"{name}.listen": getattr(config, name).listen for name in ("rtmp", "http", "api", "metrics")}
    if config.tls.enabled:
        tcp |= {"tls.https": config.tls.https, "tls.rtmps": config.tls.rtmps}
    for sockets in (tcp, _udp_sockets(config.srt)):  # apart: a port of one is no port of the other
        for (one, left), (other, right) in combinations(sockets.items(), 2):
            if left.collides_with(right):
                yield f"{one} and {other}: {left} and {right} collide; use distinct ports"


def _tls_is_whole(config: Config) -> Iterator[str]:
    given, missing = ("certificate", "key") if config.tls.certificate else ("key", "certificate")
    if getattr(config.tls, given) and not getattr(config.tls, missing):
        yield f"tls.{given}: it is given without tls.{missing}; give both, or neither for no TLS"


def _udp_sockets(srt: Srt) -> dict[str, Listen]:
    if not srt.enabled:
        return {}
    mapped = {f"srt.ports.{port}": Listen(srt.listen.host, port) for port, _ in srt.ports.items()}
    return {"srt.listen": srt.listen, **mapped}


def _streams_per_ingest(config: Config) -> Iterator[str]:
    if config.publish.max_streams < config.workers.ingest:
        yield (
            f"publish.max_streams: {config.publish.max_streams} leaves some of the {config.workers.ingest}"
            " workers.ingest without a stream; use at least one stream per ingest worker"
        )


def _log_goes_somewhere(config: Config) -> Iterator[str]:
    if config.log.stream == "off" and not config.log.file:
        yield 'log.stream: it is "off" and there is no log.file; use one of the two'


def _traces_go_to_an_address(config: Config) -> Iterator[str]:
    if not config.traces.url:
        return
    try:
        parse_target(config.traces.url)
    except BadUrl as error:
        yield f"traces.url: {error}"


def _index_length(config: Config) -> Iterator[str]:
    entries = config.ring.index_entries
    if entries & (entries - 1):
        below = 1 << entries.bit_length() - 1
        yield f"ring.index_entries: {entries} is not a power of two; use {below} or {below * 2}"


def _parts_fit(config: Config) -> Iterator[str]:
    # A part holds one frame at least, and a player must have read it before the next ones come round.
    frame, ring = config.rtmp.max_message_bytes, config.hls.ring_bytes
    if config.hls.enabled and ring < 2 * frame:
        yield (
            f"hls.ring_bytes: {ring} is less than twice rtmp.max_message_bytes ({frame}), the largest frame;"
            f" use at least {2 * frame}, or a smaller message"
        )


def _exempt_are_networks(config: Config) -> Iterator[str]:
    try:
        parse_networks(config.addresses.exempt)
    except ValueError as error:
        yield f"addresses.exempt: {error}; use networks divided by commas, such as 127.0.0.0/8,2001:db8::/32"


def _settings_fit(config: Config) -> Iterator[str]:
    said: set[str] = set()
    for label, settings in _all_settings(config):
        found = (
            *_ring_holds(config, settings),
            *_tick_is_possible(settings),
            *_segment_is_possible(settings),
            *_codecs_are_known(settings),
            *ways_lead_somewhere(config, settings),
        )
        for problem in found:
            if problem not in said:  # what is wrong in general is not said again for every table
                said.add(problem)
                yield label + problem


def _tick_is_possible(settings: PathSettings) -> Iterator[str]:
    if settings.min_coalesce_ms > settings.max_coalesce_ms:
        yield (
            f"fanout.min_coalesce_ms: {settings.min_coalesce_ms} is more than"
            f" fanout.max_coalesce_ms ({settings.max_coalesce_ms}); use at most that"
        )


def _segment_is_possible(settings: PathSettings) -> Iterator[str]:
    if settings.hls_max_segment_s < settings.hls_segment_s:
        yield (
            f"hls.max_segment_s: {settings.hls_max_segment_s} is less than"
            f" hls.segment_s ({settings.hls_segment_s}); use at least that"
        )
    if settings.hls_part_s > settings.hls_segment_s:
        yield (
            f"hls.part_s: {settings.hls_part_s} is more than hls.segment_s ({settings.hls_segment_s});"
            " use at most that"
        )


def _codecs_are_known(settings: PathSettings) -> Iterator[str]:
    limits = settings.limits
    of_keys = {f"limits.key_limits.{key}": limits.key_limits.of(key) for key in limits.key_limits}
    for where, each in {"limits": limits, **of_keys}.items():
        try:
            codecs_of(each.allowed_codecs)
        except KeyError as error:
            known = ", ".join(CODEC_WORDS)
            yield f'{where}.allowed_codecs: there is no "{error.args[0]}"; known here: {known}'


def _ring_holds(config: Config, settings: PathSettings) -> Iterator[str]:
    lag, gop, ring = settings.max_lag_bytes, settings.gop.max_bytes, config.ring.bytes
    if ring < 2 * lag:
        yield (
            f"ring.bytes: {ring} is less than twice fanout.max_lag_bytes ({lag});"
            f" use at least {2 * lag}, or a smaller lag"
        )
    elif ring < gop + lag:
        yield (
            f"ring.bytes: {ring} is less than gop.max_bytes ({gop}) and fanout.max_lag_bytes ({lag})"
            f" together; use at least {gop + lag}, or smaller limits"
        )


def _all_settings(config: Config) -> Iterator[tuple[str, PathSettings]]:
    """The combinations of values that a stream could meet, from the general to the special.

    The rules here join two keys, so it is enough to look at the tables one by one and in overlapping pairs.
    """
    base = without_tables(config)
    yield "", base
    ranked = sorted(config.paths, key=specificity)
    for pattern in ranked:
        yield f'paths."{pattern}": ', overlay(base, (config.paths[pattern],))
    for one, other in combinations(ranked, 2):
        if overlap(one, other):
            both = (config.paths[one], config.paths[other])
            yield f'paths."{one}" with paths."{other}": ', overlay(base, both)
