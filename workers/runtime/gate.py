"""The gate of one process: every question who may do what comes here, and is answered from memory.

    question -> the stream's rule -> decide (engine/access) -> [keys fetched anew] -> [a callback] -> verdict

Rules are put together once per stream and kept until the configuration changes. Only two things make
somebody wait: a token that is signed with a key nobody has heard of yet, and a callback. Both are bounded
by whoever does them, and neither is on the way of media.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from engine.access.decide import decide
from engine.access.forwarded import client_address
from engine.access.names import publisher_name
from engine.access.reasons import Action
from engine.access.rule import Rule, play_rule, port_rule, publish_rule
from engine.access.shown import Shown
from engine.access.token_keys import TokenKey
from engine.access.trust import NO_KEYS, Trust, trust_of
from engine.access.verdict import Question, Verdict, refused
from engine.config import Config, for_path

MAX_RULES: int = 4096
"""Streams whose rules are kept; strangers ask for names that do not exist. Then it begins anew."""


class Decider(Protocol):
    """A callback that decides: where a rule has the way `hook`."""

    async def decide(self, question: Question, verdict: Verdict) -> Verdict:
        """The last word on somebody whom the rules let in. Bounded in time, and never raises: where nobody
        answers it is the decider that knows what then holds (`hook_failed`).

        An HLS player is asked about with every playlist, segment and part, so answers have to be kept for a
        while. What the question shows is for telling players apart, and never for the service or a log.
        """
        ...


class NoDecider:
    """Nobody to ask, so nobody is let in."""

    async def decide(self, question: Question, verdict: Verdict) -> Verdict:
        """No."""
        return refused("hook_failed", verdict.key_id)


Refresh = Callable[[], Awaitable[bool]]
"""Fetches the issuer's keys, unless that was done a moment ago; whether there may be new ones now."""


class Gate:
    """Answers questions by the configuration as it is now.

    Args:
        config: replaced by `reconfigure`.
        decider: is asked where a rule says so.
        clock: seconds since 1970.
    """

    def __init__(
        self, config: Config, decider: Decider | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.decider: Decider = decider or NoDecider()
        self.refresh: Refresh | None = None
        """How to come by new keys of the issuer; None where it publishes none."""
        self._config = config
        self._clock = clock
        self._published: Mapping[str, TokenKey] = NO_KEYS
        self._rules: dict[tuple[Action, str], Rule] = {}
        self._trust: Trust
        self._begin_anew()

    def reconfigure(self, old: Config, new: Config) -> None:
        """Decide by another configuration from now on; who is in stays in."""
        self._config = new
        self._begin_anew()

    def publish_keys(self, keys: Mapping[str, TokenKey]) -> None:
        """These are the keys that the issuer publishes now."""
        self._published = keys
        self._begin_anew()

    def client_behind(self, host: str, forwarded: str) -> str:
        """The address of the client behind `host`, where that is a proxy which we trust; else its own.

        forwarded: the fields X-Forwarded-For, joined with commas.
        """
        return client_address(host, forwarded, self._config.access.trusted_proxies)

    def rule(self, action: Action, path: str) -> Rule:
        """Who may do this with the stream of that name; of a track, with its publisher's."""
        path = publisher_name(path)
        rule = self._rules.get((action, path))
        if rule is None:
            if len(self._rules) >= MAX_RULES:
                self._rules.clear()
            rule = self._rules[action, path] = self._made(action, path)
        return rule

    def judge_now(self, action: Action, path: str, address: str, shown: Shown) -> Verdict:
        """What can be said without waiting for anybody."""
        question = Question(action=action, path=publisher_name(path), address=address, shown=shown)
        return decide(self.rule(action, path), question, self._clock())

    async def judge(self, action: Action, path: str, address: str, shown: Shown) -> Verdict:
        """The whole answer.

        path: the stream's full name; empty for the API and the metrics. address: without a port.
        """
        verdict = self.judge_now(action, path, address, shown)
        if verdict.reason == "unknown_key_id" and self.refresh is not None and await self.refresh():
            verdict = self.judge_now(action, path, address, shown)
        if not verdict.asks_hook:
            return verdict
        question = Question(action=action, path=publisher_name(path), address=address, shown=shown)
        return await self.decider.decide(question, verdict)

    def _begin_anew(self) -> None:
        self._trust = trust_of(self._config.access, self._published)
        self._rules.clear()

    def _made(self, action: Action, path: str) -> Rule:
        if action == "api":
            return port_rule(self._config.api, self._trust)
        if action == "metrics":
            return port_rule(self._config.metrics, self._trust)
        make = publish_rule if action == "publish" else play_rule
        return make(for_path(self._config, path), self._trust)
