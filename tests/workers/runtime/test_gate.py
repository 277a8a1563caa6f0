"""The gate of a process: rules kept and renewed, new keys of the issuer, and a callback that decides."""

from collections.abc import Mapping

import trio

from engine.access.shown import Shown, shown_in_query
from engine.access.token_keys import TokenKey, key_of_pem
from engine.access.verdict import Question, Verdict, refused
from engine.config import Config, load
from tests.engine.access.guarded import CAM, HOME, KEY, NOW_S, PRIVATE_KEYS, guarded, link, pem_of, token
from workers.runtime import gate as gate_module
from workers.runtime.gate import Gate

ELSEWHERE_ISSUED = """
[access]
jwt_algorithm = "ES256"
jwt_keys_url = "https://example.org/keys"
[play]
play_access = ["jwt", "key"]
"""


def gate_of(config: Config) -> Gate:
    return Gate(config, clock=lambda: NOW_S)


async def ask(gate: Gate, query: str, path: str = CAM) -> Verdict:
    return await gate.judge("play", path, HOME, shown_in_query(query))


async def test_it_decides_by_the_configuration_as_it_is_now() -> None:
    gate = gate_of(guarded("key"))
    assert (await ask(gate, f"key={KEY}")).reason == "key"
    gate.reconfigure(guarded("key"), guarded("signature"))
    assert (await ask(gate, f"key={KEY}")).reason == "key_missing"
    assert (await ask(gate, link())).reason == "signature"


async def test_a_track_is_played_by_whoever_may_play_its_publisher() -> None:
    gate = gate_of(guarded("signature"))
    assert (await ask(gate, link("live/cam"), "live/cam~3")).allowed
    assert gate.rule("play", "live/cam~3") is gate.rule("play", "live/cam")


def test_names_that_strangers_think_up_do_not_stay() -> None:
    gate = gate_of(guarded("key"))
    for number in range(gate_module.MAX_RULES + 10):
        gate.rule("play", f"live/{number}")
    assert len(gate._rules) <= gate_module.MAX_RULES


async def test_a_token_of_a_new_key_waits_for_it_to_be_fetched() -> None:
    gate = gate_of(load(ELSEWHERE_ISSUED, {}))
    keys: Mapping[str, TokenKey] = {"new": key_of_pem(pem_of(PRIVATE_KEYS["ES256"]), "ES256")}
    fetches = 0

    async def refresh() -> bool:
        nonlocal fetches
        fetches += 1
        gate.publish_keys(keys)
        return True

    gate.refresh = refresh
    shown = f"token={token(PRIVATE_KEYS['ES256'], 'ES256', kid='new')}"
    assert (await ask(gate, shown)).allowed
    assert (await ask(gate, shown)).allowed
    assert fetches == 1


async def test_a_token_of_an_unknown_key_is_refused_where_there_is_nothing_new() -> None:
    gate = gate_of(load(ELSEWHERE_ISSUED, {}))

    async def refresh() -> bool:
        return False

    shown = f"token={token(PRIVATE_KEYS['ES256'], 'ES256', kid='new')}"
    assert (await ask(gate, shown)).reason == "unknown_key_id"
    gate.refresh = refresh
    assert (await ask(gate, shown)).reason == "unknown_key_id"


class Service:
    """A callback that takes its time, and remembers who it was asked about."""

    def __init__(self, verdict: Verdict) -> None:
        self.asked: list[Question] = []
        self._verdict = verdict

    async def decide(self, question: Question, verdict: Verdict) -> Verdict:
        self.asked.append(question)
        await trio.sleep(1)
        return self._verdict


async def test_the_callback_has_the_last_word_on_those_let_in(autojump_clock: object) -> None:
    gate, service = gate_of(guarded("key", "hook")), Service(refused("hook_denied"))
    gate.decider = service
    assert (await ask(gate, "key=wrong")).reason == "key_wrong"
    assert service.asked == []
    assert (await ask(gate, f"key={KEY}")).reason == "hook_denied"
    assert service.asked == [Question(action="play", path=CAM, address=HOME, shown=Shown(keys=(KEY,)))]


async def test_where_nobody_can_be_asked_nobody_is_let_in() -> None:
    assert (await ask(gate_of(guarded("hook")), "")).reason == "hook_failed"


def test_who_is_behind_a_proxy_is_believed_of_those_we_trust() -> None:
    gate = gate_of(load('[access]\ntrusted_proxies = ["10.0.0.1"]', {}))
    assert gate.client_behind("10.0.0.1", "192.0.2.9") == "192.0.2.9"
    assert gate.client_behind("10.0.0.2", "192.0.2.9") == "10.0.0.2"
