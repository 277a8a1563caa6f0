"""The matrix: who shows what, in which state, for which action, and what he hears."""

import base64
import re
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access.reasons import REFUSALS, SENTENCES, Action
from engine.access.shown import NOTHING, Shown, shown_in_query, shown_in_request
from engine.access.verdict import Verdict
from engine.config import Config
from tests.engine.access.guarded import (
    CAM,
    ELSEWHERE,
    HOME,
    KEY,
    NEXT_SIGNING,
    NOW_S,
    OLD_KEY,
    config_of,
    guarded,
    judged,
    keys_line,
    link,
    tampered,
    token,
)

STREAM_ACTIONS: tuple[Action, ...] = ("publish", "play")
ALL_ACTIONS: tuple[Action, ...] = get_args(Action)
Show = Callable[[Action], str]


KEYS: dict[str, tuple[Show, str]] = {
    "valid": (lambda action: f"key={KEY}", "key"),
    "valid, called token": (lambda action: f"token={KEY}", "key"),
    "valid, called pass": (lambda action: f"user=anybody&pass={KEY}", "key"),
    "expired": (lambda action: f"key={OLD_KEY}", "key_expired"),
    "tampered": (lambda action: f"key={tampered(KEY)}", "key_wrong"),
    "missing": (lambda action: "", "key_missing"),
    "empty": (lambda action: "key=", "key_missing"),
}

LINKS: dict[str, tuple[Show, str]] = {
    "valid": (lambda action: link(action=action), "signature"),
    "valid, by the next key": (
        lambda action: link(action=action, key_id="next", secret=NEXT_SIGNING),
        "signature",
    ),
    "valid, from its address": (lambda action: link(action=action, address=HOME), "signature"),
    "expired": (lambda action: link(action=action, lifetime_s=0), "signature_expired"),
    "wrong path": (lambda action: link("live/other", action=action), "signature_wrong"),
    "wrong action": (
        lambda action: link(action="play" if action == "publish" else "publish"),
        "wrong_action",
    ),
    "wrong address": (lambda action: link(action=action, address=ELSEWHERE), "wrong_address"),
    "tampered signature": (lambda action: tampered(link(action=action)), "signature_wrong"),
    "tampered expiry": (lambda action: link(action=action).replace("exp=18", "exp=19"), "signature_wrong"),
    "tampered address": (
        lambda action: link(action=action, address=ELSEWHERE).replace(ELSEWHERE, HOME),
        "signature_wrong",
    ),
    "another key's id": (
        lambda action: link(action=action).replace("kid=now", "kid=next"),
        "signature_wrong",
    ),
    "unknown key id": (lambda action: link(action=action, key_id="last"), "unknown_key_id"),
    "without expiry": (lambda action: "kid=now&sig=AAAA", "signature_wrong"),
    "missing": (lambda action: "", "key_missing"),
}

TOKENS: dict[str, tuple[Show, str]] = {
    "valid": (lambda action: f"token={token(actions=[action])}", "jwt"),
    "valid, the only key unnamed": (lambda action: f"token={token(actions=[action], kid=None)}", "jwt"),
    "valid, a little late": (lambda action: f"token={token(actions=[action], exp=NOW_S - 29)}", "jwt"),
    "expired": (lambda action: f"token={token(actions=[action], exp=NOW_S - 31)}", "token_expired"),
    "too early": (lambda action: f"token={token(actions=[action], nbf=NOW_S + 31)}", "token_too_early"),
    "without expiry": (lambda action: f"token={token(actions=[action], leave_out='exp')}", "token_wrong"),
    "wrong path": (lambda action: f"token={token(actions=[action], paths=['vod/*'])}", "wrong_path"),
    "no path": (lambda action: f"token={token(actions=[action], leave_out='paths')}", "wrong_path"),
    "no path at all": (lambda action: f"token={token(actions=[action], paths=[''])}", "wrong_path"),
    "wrong action": (lambda action: f"token={token(actions=['dance'])}", "wrong_action"),
    "wrong issuer": (lambda action: f"token={token(actions=[action], iss='another')}", "token_wrong"),
    "wrong audience": (lambda action: f"token={token(actions=[action], aud=['a', 'b'])}", "token_wrong"),
    "among audiences": (lambda action: f"token={token(actions=[action], aud=['a', 'fanlight'])}", "jwt"),
    "tampered": (lambda action: f"token={tampered(token(actions=[action]))}", "token_wrong"),
    "another secret": (lambda action: f"token={token('x' * 32, actions=[action])}", "token_wrong"),
    "unknown key id": (lambda action: f"token={token(actions=[action], kid='last')}", "unknown_key_id"),
    "not signed": (lambda action: f"token={token('', 'none', actions=[action])}", "key_missing"),
    "no token": (lambda action: "token=abc", "key_missing"),
    "missing": (lambda action: "", "key_missing"),
}

OF_PORTS = {"wrong path", "no path", "no path at all"}  # the API has no paths


@pytest.mark.parametrize("action", ALL_ACTIONS)
@pytest.mark.parametrize("state", KEYS)
def test_a_key_in_every_state(action: Action, state: str) -> None:
    show, wanted = KEYS[state]
    assert judged(guarded("key"), action, show(action)).reason == wanted


@pytest.mark.parametrize("action", STREAM_ACTIONS)
@pytest.mark.parametrize("state", LINKS)
def test_a_signed_link_in_every_state(action: Action, state: str) -> None:
    show, wanted = LINKS[state]
    assert judged(guarded("signature"), action, show(action)).reason == wanted


@pytest.mark.parametrize("action", ALL_ACTIONS)
@pytest.mark.parametrize("state", TOKENS)
def test_a_token_in_every_state(action: Action, state: str) -> None:
    show, wanted = TOKENS[state]
    if action in ("api", "metrics") and state in OF_PORTS:
        wanted = "jwt"
    assert judged(guarded("jwt"), action, show(action)).reason == wanted


def test_only_the_granted_are_allowed() -> None:
    for table, way in ((KEYS, "key"), (LINKS, "signature"), (TOKENS, "jwt")):
        for show, wanted in table.values():
            assert judged(guarded(way), "play", show("play")).allowed == (wanted == way)


def test_a_link_may_be_used_again_until_it_expires_and_not_after() -> None:
    config, shown = guarded("signature"), link(lifetime_s=60)
    reasons = [
        judged(config, "play", shown, now_s=NOW_S + after_s).reason for after_s in (0, 1, 59.9, 60, 61)
    ]
    assert reasons == ["signature"] * 3 + ["signature_expired"] * 2


def test_a_link_for_one_address_cannot_be_replayed_from_another() -> None:
    config, shown = guarded("signature"), link(address="2001:db8::1")
    assert judged(config, "play", shown, address="[2001:db8:0::1]").allowed
    assert judged(config, "play", shown, address=ELSEWHERE).reason == "wrong_address"
    assert judged(config, "play", shown, address="no address").reason == "wrong_address"


def test_a_link_for_watching_never_publishes() -> None:
    assert judged(guarded("signature"), "publish", link()).reason == "wrong_action"


def test_a_token_that_says_nothing_of_actions_is_for_watching() -> None:
    shown = f"token={token(leave_out='actions')}"
    assert judged(guarded("jwt"), "play", shown).allowed
    assert judged(guarded("jwt"), "publish", shown).reason == "wrong_action"


def test_a_token_that_was_good_once_is_not_after_it_expires() -> None:
    config, shown = guarded("jwt"), f"token={token()}"
    assert judged(config, "play", shown).allowed
    assert judged(config, "play", shown, now_s=NOW_S + 91).reason == "token_expired"


def test_one_way_in_is_enough() -> None:
    config = guarded("key", "signature", "jwt")
    for shown, reason in ((f"key={KEY}", "key"), (link(), "signature"), (f"token={token()}", "jwt")):
        assert judged(config, "play", shown).reason == reason
    assert judged(config, "play", f"{link(lifetime_s=0)}&key={KEY}").reason == "key"


def test_what_was_shown_says_why_it_was_not_enough() -> None:
    config = guarded("key", "signature", "jwt")
    assert judged(config, "play", f"token={token(exp=1)}").reason == "token_expired"
    assert judged(config, "play", f"{link(lifetime_s=0)}&key=wrong").reason == "signature_expired"


def test_a_way_that_is_not_open_is_not_looked_at() -> None:
    assert judged(guarded("key"), "play", link()).reason == "key_missing"
    assert judged(guarded("signature"), "play", f"key={KEY}").reason == "key_missing"
    assert judged(guarded("key"), "play", f"token={token()}").reason == "key_wrong"


def test_verdicts_name_the_key_that_let_in() -> None:
    config = guarded("key", "signature", "jwt")
    named = {
        shown: judged(config, "play", shown).key_id for shown in (f"key={KEY}", link(), f"token={token()}")
    }
    assert list(named.values()) == ["studio", "now", "viewer-17"]
    assert judged(config, "play", f"key={OLD_KEY}").key_id == "guest"
    strange = judged(config, "play", f"token={token(sub='a line' + chr(10) + 'of its own')}").key_id
    assert re.fullmatch("sub-[0-9a-f]{16}", strange)


def test_without_rules_everybody_may() -> None:
    for action in ALL_ACTIONS:
        assert judged(Config(), action) == Verdict(allowed=True, reason="open")


def test_the_one_key_in_plain_text_works_on_beside_the_others() -> None:
    config = config_of(f'[publish]\npublish_key = "plain"\npublish_keys = {keys_line()}')
    assert judged(config, "publish", "key=plain").key_id == "publish_key"
    assert judged(config, "publish", f"key={KEY}").key_id == "studio"
    assert judged(config, "publish", "key=other").reason == "key_wrong"
    assert judged(config, "publish").reason == "key_missing"
    assert judged(config, "play").reason == "open"


def test_who_sets_keys_has_closed_the_door() -> None:
    assert judged(config_of(f"[play]\nplay_keys = {keys_line()}"), "play").reason == "key_missing"


def test_open_is_open_whatever_keys_there_are() -> None:
    config = config_of(f'[play]\nplay_keys = {keys_line()}\n[paths."live/free"]\nplay_access = ["open"]')
    assert judged(config, "play", path="live/free").allowed
    assert not judged(config, "play", path="live/cam").allowed


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("10.1.2.3", "open"),
        ("::ffff:10.1.2.3", "open"),
        ("[2001:db8::5]", "open"),
        ("2001:db8::5%eth0", "open"),
        ("10.9.9.9", "address_denied"),  # deny wins over allow
        ("10.9.9.8", "open"),
        ("11.0.0.1", "address_denied"),
        ("2001:db9::5", "address_denied"),
        ("", "address_denied"),
        ("no address", "address_denied"),
    ],
)
def test_address_lists(address: str, wanted: str) -> None:
    config = config_of('[play]\nplay_allow = ["10.0.0.0/8", "2001:db8::/32"]\nplay_deny = ["10.9.9.9"]')
    assert judged(config, "play", address=address).reason == wanted


def test_who_is_denied_is_denied_whatever_he_shows() -> None:
    config = config_of(f'[play]\nplay_keys = {keys_line()}\nplay_deny = ["{HOME}"]')
    assert judged(config, "play", f"key={KEY}").reason == "address_denied"
    assert judged(config, "play", f"key={KEY}", address="no address").reason == "address_denied"
    assert judged(config, "play", f"key={KEY}", address=ELSEWHERE).reason == "key"


def test_a_callback_is_asked_about_those_whom_the_rules_let_in() -> None:
    both, alone = guarded("key", "hook"), guarded("hook")
    assert judged(both, "play", f"key={KEY}") == Verdict(
        allowed=True, reason="key", key_id="studio", asks_hook=True
    )
    assert not judged(both, "play").asks_hook
    assert judged(alone, "play") == Verdict(allowed=True, reason="open", asks_hook=True)


@pytest.mark.parametrize(
    "query",
    [
        "key=s3cret",
        "token=s3cret",
        "?key=s3cret",
        "cam?key=s3cret",
        "live/cam?x=1&token=s3cret",
        "key=old&key=s3cret",
        "key=s3%63ret",
    ],
)
def test_every_spelling_of_a_query_is_read(query: str) -> None:
    config = config_of('[publish]\npublish_key = "s3cret"')
    assert judged(config, "publish", query).allowed


@pytest.mark.parametrize(
    "query", ["key=S3CRET", "key=s3cre", "key=s3crets", "token=%00", "key=%ff", "key=\ud800"]
)
def test_a_wrong_key_is_wrong(query: str) -> None:
    config = config_of('[publish]\npublish_key = "s3cret"')
    assert judged(config, "publish", query).reason == "key_wrong"


@pytest.mark.parametrize("query", ["", "?", "cam", "s3cret", "KEY=s3cret", "password=s3cret", "&&&", "key"])
def test_no_key_is_told_from_a_wrong_one(query: str) -> None:
    config = config_of('[publish]\npublish_key = "s3cret"')
    assert judged(config, "publish", query).reason == "key_missing"


def test_a_key_with_a_question_mark_or_a_plus_is_taken_as_typed() -> None:
    config = config_of('[publish]\npublish_key = "a?b+c=%41"')
    assert judged(config, "publish", "key=a?b+c=%41").allowed


def test_a_flood_of_parameters_is_not_read_to_its_end() -> None:
    config = config_of('[publish]\npublish_key = "s3cret"')
    assert not judged(config, "publish", "x=1&" * 100_000 + "key=s3cret").allowed
    assert len(shown_in_query("&".join(f"key={number}" for number in range(100))).keys) == 8


def test_http_shows_keys_in_its_field_and_its_query() -> None:
    basic = "Basic " + base64.b64encode(b"anybody:a:b").decode()
    assert shown_in_request({}, "Bearer abc").keys == ("abc",)
    assert shown_in_request({}, "bEARER  abc ").keys == ("abc",)
    assert shown_in_request({}, basic).keys == ("a:b",)
    assert shown_in_request({"key": "k", "token": "t"}, "Bearer abc").keys == ("abc", "k", "t")
    for nothing in ("", "Bearer", "Bearer ", "Basic", "Basic !", "Basic 4pyT", "Digest abc", "Basic \xff"):
        assert shown_in_request({}, nothing) == NOTHING


def test_nothing_that_was_shown_is_seen_in_a_repr() -> None:
    shown = Shown(keys=("do-not-tell",), signature=(("sig", "do-not-tell"),))
    assert "do-not-tell" not in repr(shown)


def test_every_refusal_has_a_sentence() -> None:
    assert set(SENTENCES) == set(REFUSALS)


@given(st.text())
def test_no_query_does_anything_but_get_a_verdict(query: str) -> None:
    for action in STREAM_ACTIONS:
        verdict = judged(guarded("key", "signature", "jwt"), action, query)
        assert not verdict.allowed
        assert verdict.reason in REFUSALS


@given(
    st.text(),
    st.text(),
    st.dictionaries(st.sampled_from(["exp", "kid", "act", "ip", "sig", "key"]), st.text()),
)
def test_nothing_shown_over_http_raises(field: str, address: str, query: dict[str, str]) -> None:
    shown = shown_in_request(query, field)
    assert not judged(guarded("key", "signature", "jwt"), "play", shown, address=address, path=CAM).allowed
