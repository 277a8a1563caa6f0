"""The way `hook` of an access rule: it leads to the service that is asked about the visit, or nowhere."""

import pytest

from engine.access.reasons import Action
from engine.access.verdict import Question, Verdict
from tests.workers.fanout.test_visits import FOLLOWED, Line, visits_of
from workers.fanout.hook_way import ServiceDecides

LET_IN = Verdict(allowed=True, reason="key", key_id="van", asks_hook=True)
ONLY_TOLD = '[hooks]\nurl = "http://hooks.example/"\non_play = "off"\non_publish = "off"\n'


async def decided(text: str, action: Action, line: Line | None) -> Verdict:
    question = Question(action=action, path="live/cam", address="192.0.2.1")
    return await ServiceDecides(visits_of(line, text)).decide(question, LET_IN)


@pytest.mark.parametrize("action", ["publish", "play"])
async def test_whom_the_rules_let_in_goes_on_to_the_service(action: Action) -> None:
    assert await decided(FOLLOWED, action, Line()) == LET_IN


@pytest.mark.parametrize("action", ["publish", "play"])
@pytest.mark.parametrize("text", ["", ONLY_TOLD])
async def test_where_nobody_is_asked_nobody_gets_in(action: Action, text: str) -> None:
    verdict = await decided(text, action, Line())
    assert (verdict.allowed, verdict.reason, verdict.key_id) == (False, "hook_failed", "van")


async def test_nobody_gets_in_without_a_way_to_the_service() -> None:
    assert not (await decided(FOLLOWED, "play", None)).allowed


@pytest.mark.parametrize("action", ["api", "metrics"])
async def test_no_service_decides_about_the_ports_of_the_operator(action: Action) -> None:
    assert not (await decided(FOLLOWED, action, Line())).allowed
