"""Who may do one thing with one stream: what the configuration says, ready to be decided by."""

from typing import Final

from msgspec import Struct

from engine.access.trust import Trust
from engine.config.key_table import KeyTable
from engine.config.networks import Networks
from engine.config.path_settings import PathSettings
from engine.config.secret import Secret
from engine.config.tree import Api, Metrics
from engine.config.word_sets import Ways

PLAIN_KEY_ID: Final = "publish_key"
"""What the one key in plain text is called in log lines."""

_NO_SECRET: Final = Secret("")
_OPEN: Final = Ways("open")


class Rule(Struct, frozen=True, kw_only=True):
    """Which ways in there are, from where, and what opens them."""

    ways: Ways = _OPEN
    """At least one; see `effective_ways`."""
    plain_key: Secret = _NO_SECRET
    keys: KeyTable = KeyTable()
    allow: Networks = Networks()
    deny: Networks = Networks()
    trust: Trust = Trust()

    @property
    def is_open(self) -> bool:
        """Whether it asks nobody for anything, wherever he comes from."""
        return self.ways == _OPEN and not self.allow and not self.deny

    @property
    def may_be_cached(self) -> bool:
        """Whether he who was let in may hand on what he got, as a shared cache does.

        He may where nothing but his address counted, since he hands it on from there. Unless that was the
        address of a client behind a proxy: the next one behind it has another.
        """
        return self.is_open or (self.ways == _OPEN and not self.trust.has_proxies)


def publish_rule(settings: PathSettings, trust: Trust) -> Rule:
    """Who may publish a stream with these settings."""
    return Rule(
        ways=effective_ways(settings.publish_access, settings.publish_key, settings.publish_keys),
        plain_key=settings.publish_key,
        keys=settings.publish_keys,
        allow=settings.publish_allow,
        deny=settings.publish_deny,
        trust=trust,
    )


def play_rule(settings: PathSettings, trust: Trust) -> Rule:
    """Who may play one."""
    return Rule(
        ways=effective_ways(settings.play_access, _NO_SECRET, settings.play_keys),
        keys=settings.play_keys,
        allow=settings.play_allow,
        deny=settings.play_deny,
        trust=trust,
    )


def port_rule(section: Api | Metrics, trust: Trust) -> Rule:
    """Who may use the API, or read the metrics."""
    return Rule(
        ways=effective_ways(section.access, _NO_SECRET, section.keys),
        keys=section.keys,
        allow=section.allow,
        deny=section.deny,
        trust=trust,
    )


def effective_ways(ways: Ways, plain_key: Secret, keys: KeyTable) -> Ways:
    """The ways that hold where none is named: keys if there are any, else open."""
    if ways:
        return ways
    return Ways("key") if plain_key or keys else _OPEN
