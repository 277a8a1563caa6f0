"""What somebody may show at a door, in each state that it may be in, and why he is not let in for it.

One table for all doors: publishing, playing and the API. Each of the three is somebody's role, with a key,
links and tokens of its own, and what belongs to one role opens nothing to another.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, NamedTuple

from engine.access.reasons import Action, Refusal
from engine.config.key_table import hash_line
from engine.config.secret import digest
from tests.e2e.engine_process import Settings
from tests.e2e.guarded_engine import WAYS, guarded_settings
from tests.engine.access.guarded import ELSEWHERE, OLD_KEY, fresh_link, fresh_token, tampered

FOLDER: Final = "matrix"
HOME: Final = "127.0.0.1"
NEIGHBOUR: Final = "127.0.0.2"
OUTLAW: Final = "127.0.0.3"
"""Addresses to come from; the last one is on the list of those that are denied."""

KEYS: Final[Mapping[Action, str]] = {
    "publish": "the-key-of-the-encoder",
    "play": "the-key-of-the-viewer",
    "api": "the-key-of-the-operator",
}
OF_ANOTHER_ROLE: Final[Mapping[Action, Action]] = {"publish": "play", "play": "publish", "api": "play"}

Show = Callable[[Action, str], str]


class State(NamedTuple):
    """Something to show for an action on a stream, as a query.

    `refusal` is the reason in the counters; None where it opens. `source` is who shows it.
    """

    name: str
    show: Show
    refusal: Refusal | None = None
    source: str = HOME


def key(action: Action) -> str:
    return f"key={KEYS[action]}"


@cache
def token(action: Action, path: str, kid: str = "issuer", lifetime_s: int = 600) -> str:
    return f"token={fresh_token(kid=kid, lifetime_s=lifetime_s, paths=[path], actions=[action])}"


@cache
def link(action: Action, path: str, address: str = "", key_id: str = "now", lifetime_s: int = 600) -> str:
    return fresh_link(path, action=action, address=address, key_id=key_id, lifetime_s=lifetime_s)


# What is asked for twice is made once: so a replay is one, to the last character.

OF_KEYS: Final = (
    State("a key", lambda action, path: key(action)),
    State("a key, replayed", lambda action, path: key(action)),
    State("a key, replayed from elsewhere", lambda action, path: key(action), source=NEIGHBOUR),
    State("an expired key", lambda action, path: f"key={OLD_KEY}", "key_expired"),
    State("a tampered key", lambda action, path: tampered(key(action)), "key_wrong"),
    State("the key of another role", lambda action, path: key(OF_ANOTHER_ROLE[action]), "key_wrong"),
    State("a key, from a denied address", lambda action, path: key(action), "address_denied", OUTLAW),
)

OF_LINKS: Final = (
    State("a link", link),
    State("a link, replayed", link),
    State("a link of the next key", lambda action, path: link(action, path, key_id="next")),
    State("a link for this address", lambda action, path: link(action, path, HOME)),
    State(
        "a link for one address, replayed from another",
        lambda action, path: link(action, path, HOME),
        "wrong_address",
        NEIGHBOUR,
    ),
    State(
        "a link for an address elsewhere", lambda action, path: link(action, path, ELSEWHERE), "wrong_address"
    ),
    State("an expired link", lambda action, path: link(action, path, lifetime_s=-1), "signature_expired"),
    State(
        "a link whose end was moved",
        lambda action, path: link(action, path).replace("exp=1", "exp=2", 1),
        "signature_wrong",
    ),
    State("a tampered link", lambda action, path: tampered(link(action, path)), "signature_wrong"),
    State("a link for another stream", lambda action, path: link(action, "matrix/other"), "signature_wrong"),
    State(
        "a link of another role",
        lambda action, path: link(OF_ANOTHER_ROLE[action], path),
        "wrong_action",
    ),
    State(
        "a link of an unknown key", lambda action, path: link(action, path, key_id="last"), "unknown_key_id"
    ),
    State("a link, from a denied address", link, "address_denied", OUTLAW),
)

OF_TOKENS: Final = (
    State("a token", token),
    State("a token, replayed", token),
    State("a token, replayed from elsewhere", token, source=NEIGHBOUR),
    State("an expired token", lambda action, path: token(action, path, lifetime_s=-60), "token_expired"),
    State("a tampered token", lambda action, path: tampered(token(action, path)), "token_wrong"),
    State(
        "a token of another role",
        lambda action, path: token(OF_ANOTHER_ROLE[action], path),
        "wrong_action",
    ),
    State(
        "a token of an unknown key", lambda action, path: token(action, path, kid="last"), "unknown_key_id"
    ),
    State("a token, from a denied address", token, "address_denied", OUTLAW),
)

FOR_ANOTHER_STREAM: Final = State(
    "a token for another stream", lambda action, path: token(action, "matrix/other"), "wrong_path"
)

NOTHING: Final = State("nothing", lambda action, path: "", "key_missing")


def states_of(action: Action) -> tuple[State, ...]:
    """All that can be shown for it. The API has no streams, and so no links."""
    if action == "api":
        return (*OF_KEYS, *OF_TOKENS, NOTHING)
    return (*OF_KEYS, *OF_LINKS, *OF_TOKENS, FOR_ANOTHER_STREAM, NOTHING)


def lines_of(action: Action) -> dict[str, object]:
    """The configuration's table of keys for a role: one for good, and one that has expired."""
    return {"good": hash_line(digest(KEYS[action]), None), "old": hash_line(digest(OLD_KEY), 1)}


def matrix_settings() -> Settings:
    """Settings of an engine that asks everybody everywhere, but for its metrics."""
    denied = [OUTLAW]
    return guarded_settings() | {
        "hls": {"on_demand": False},
        "api": {"access": ["key", "jwt"], "deny": denied},
        "api.keys": lines_of("api"),
        f'paths."{FOLDER}/*"': {
            "publish_access": WAYS,
            "publish_deny": denied,
            "play_access": WAYS,
            "play_deny": denied,
        },
        f'paths."{FOLDER}/*".publish_keys': lines_of("publish"),
        f'paths."{FOLDER}/*".play_keys': lines_of("play"),
    }
