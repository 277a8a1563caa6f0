"""An engine whose streams below `guarded/` ask everybody who he is, and what opens them."""

import time
from typing import Final, Literal

from engine.config.key_table import hash_line
from engine.config.secret import digest
from tests.e2e.engine_process import Settings
from tests.engine.access.guarded import (
    ELSEWHERE,
    ISSUER_SECRET,
    KEY,
    NEXT_SIGNING,
    OLD_KEY,
    SIGNING,
    fresh_link,
    fresh_token,
    tampered,
)

Action = Literal["publish", "play"]
Kind = Literal["key", "signature", "jwt"]

PLAIN_KEY: Final = "a-key-in-plain-text"
API_KEY: Final = "the-operators-own-key"
PASSPHRASE: Final = "passphrase of the van"
PROGRAMME: Final = "guarded/final"
RENDITION: Final = "guarded/final_480"
WAYS: Final = ["key", "signature", "jwt"]


def key_lines() -> dict[str, object]:
    """A key for good, and one that has expired."""
    return {"studio": hash_line(digest(KEY), None), "guest": hash_line(digest(OLD_KEY), int(time.time()) - 5)}


def guarded_settings() -> Settings:
    return {
        "access": {"jwt_algorithm": "HS256", "jwt_issuer": "the-studio", "jwt_audience": "fanlight"},
        "access.signing_keys": {"now": SIGNING, "next": NEXT_SIGNING},
        "access.jwt_secrets": {"issuer": ISSUER_SECRET},
        "play": {"wait_s": 20.0},
        "hls.programmes": {f'"{PROGRAMME}"': [RENDITION]},
        'paths."guarded/*"': {"publish_access": WAYS, "play_access": WAYS, "publish_key": PLAIN_KEY},
        'paths."guarded/*".publish_keys': key_lines(),
        'paths."guarded/*".play_keys': key_lines(),
        'paths."denied/*"': {"publish_deny": ["127.0.0.0/8"], "play_deny": ["127.0.0.0/8"]},
    }


def credential(kind: Kind, action: Action, path: str) -> str:
    """A query that lets somebody do this with that stream."""
    if kind == "key":
        return f"key={KEY}"
    if kind == "signature":
        return fresh_link(path, action=action)
    return f"token={fresh_token(paths=[path], actions=[action])}"


def refused_credentials(action: Action, path: str) -> dict[str, tuple[str, str]]:
    """What does not: query, and the reason in the counters."""
    other: Action = "play" if action == "publish" else "publish"
    token = fresh_token(paths=[path], actions=[action])
    return {
        "nothing": ("", "key_missing"),
        "a wrong key": ("key=wrong", "key_wrong"),
        "an expired key": (f"key={OLD_KEY}", "key_expired"),
        "a link for another stream": (fresh_link("guarded/other", action=action), "signature_wrong"),
        "a link for something else": (fresh_link(path, action=other), "wrong_action"),
        "a link for somebody else": (fresh_link(path, action=action, address=ELSEWHERE), "wrong_address"),
        "an expired link": (fresh_link(path, action=action, lifetime_s=-1), "signature_expired"),
        "a tampered link": (tampered(fresh_link(path, action=action)), "signature_wrong"),
        "a link of an unknown key": (fresh_link(path, action=action, key_id="last"), "unknown_key_id"),
        "a token for another stream": (
            f"token={fresh_token(paths=['vod/*'], actions=[action])}",
            "wrong_path",
        ),
        "a token for something else": (f"token={fresh_token(paths=[path], actions=[other])}", "wrong_action"),
        "an expired token": (
            f"token={fresh_token(lifetime_s=-60, paths=[path], actions=[action])}",
            "token_expired",
        ),
        "a tampered token": (f"token={tampered(token)}", "token_wrong"),
        "a token of an unknown key": (f"token={fresh_token(kid='last', paths=[path])}", "unknown_key_id"),
    }
