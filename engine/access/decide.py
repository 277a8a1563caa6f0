"""The one decision: may he?

    address lists   deny wins; where there is an allow list, one has to be in it
    ways in         open, or whichever of signature, token and key is shown and right

The first way that opens counts. Where none does, the refusal is that of the first in this order for which
something was shown, since it knows most about why. A callback (`hook`) is asked after all this and elsewhere,
because it takes time: the verdict only says that it has to be.
"""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from engine.access.rule import PLAIN_KEY_ID, Rule
from engine.access.signature import BadSignature, check_signature
from engine.access.tokens import BadToken, Claims, is_token
from engine.access.verdict import Question, Verdict, refused
from engine.config.networks import Address, address_of
from engine.config.word_sets import Ways

MAX_TOKENS: Final = 2
"""Tokens of one request that are looked at: checking a signature costs a tenth of a millisecond."""

_ONLY_HOOK: Final = Ways("hook")


def decide(rule: Rule, asked: Question, now_s: float) -> Verdict:
    """Judge. `now_s`: seconds since 1970. Never raises."""
    address = address_of(asked.address)
    if rule.deny.has(address) or (rule.allow and not rule.allow.has(address)):
        return refused("address_denied")
    if address is None and rule.deny:  # what cannot be read cannot be known not to be denied
        return refused("address_denied")
    verdict = _by_ways(rule, asked, address, now_s)
    if verdict.allowed and "hook" in rule.ways:
        return replace(verdict, asks_hook=True)
    return verdict


def _by_ways(rule: Rule, asked: Question, address: Address | None, now_s: float) -> Verdict:
    if "open" in rule.ways or rule.ways == _ONLY_HOOK:
        return Verdict(allowed=True, reason="open")
    refusal: Verdict | None = None
    for way, judge in _JUDGES:
        verdict = judge(rule, asked, address, now_s) if way in rule.ways else None
        if verdict is not None and verdict.allowed:
            return verdict
        refusal = refusal or verdict
    return refusal or refused("key_missing")


def _judge_signature(rule: Rule, asked: Question, address: Address | None, now_s: float) -> Verdict | None:
    signature = asked.shown.signature
    if not signature:
        return None
    try:
        keys = rule.trust.signing_keys
        key_id = check_signature(asked.path, asked.action, address, signature, keys, now_s)
    except BadSignature as bad:
        return refused(bad.reason, bad.key_id)
    return Verdict(allowed=True, reason="signature", key_id=key_id)


def _judge_token(rule: Rule, asked: Question, address: Address | None, now_s: float) -> Verdict | None:
    tokens = [shown for shown in asked.shown.keys if is_token(shown)][:MAX_TOKENS]
    reader, verdict = rule.trust.tokens, None
    if reader is None:
        return None
    for token in tokens:
        try:
            verdict = _allowed_by(reader.read(token, now_s), asked)
        except BadToken as bad:
            verdict = refused(bad.reason)
        if verdict.allowed:
            break
    return verdict


def _allowed_by(claims: Claims, asked: Question) -> Verdict:
    if asked.action not in claims.actions:
        return refused("wrong_action", claims.subject)
    if asked.path and not claims.covers(asked.path):
        return refused("wrong_path", claims.subject)
    return Verdict(allowed=True, reason="jwt", key_id=claims.subject)


def _judge_key(rule: Rule, asked: Question, address: Address | None, now_s: float) -> Verdict | None:
    candidates = asked.shown.keys
    if not candidates:
        return None
    if rule.plain_key and any(map(rule.plain_key.matches, candidates)):
        return Verdict(allowed=True, reason="key", key_id=PLAIN_KEY_ID)
    key = rule.keys.find(candidates)
    if key is None:
        return refused("key_wrong")
    if key.until_s is not None and now_s >= key.until_s:
        return refused("key_expired", key.id)
    return Verdict(allowed=True, reason="key", key_id=key.id)


_JUDGES: Final[tuple[tuple[str, Callable[[Rule, Question, Address | None, float], Verdict | None]], ...]] = (
    ("signature", _judge_signature),
    ("jwt", _judge_token),
    ("key", _judge_key),
)
