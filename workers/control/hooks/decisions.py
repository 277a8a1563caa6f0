"""Asking services whether a client may come in."""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import trio
from structlog.typing import FilteringBoundLogger

from engine.config.tree import Hooks
from engine.hooks.events import Body, encode
from engine.hooks.reply import NotUnderstood, Verdict, combined, understand
from engine.hooks.settings import Kind, allows_unanswered
from engine.policy.outside import Blame, OutsideError
from workers.control.hooks.callers import Posts
from workers.control.hooks.calls import NOT_UNDERSTOOD, headers_for
from workers.control.hooks.figures import Failure, Figures


class Outcome(NamedTuple):
    """What came of asking one service. `knows`: whether it believes, or may believe, that the client is in:
    it has said yes, or may have had the question without our having its answer.
    """

    verdict: Verdict
    knows: bool


class Decision(NamedTuple):
    """What came of one question.

    `informed` are the addresses that believe, or may believe, that the client is in, `silent` those that have
    not answered.
    """

    verdict: Verdict
    informed: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


class Decisions:
    """Asks, within the time there is; what is not answered the policy decides.

    Args:
        posts: calls services, by what they are asked about.
        figures: counts.
        log: tells of calls without an answer.
    """

    def __init__(self, posts: Mapping[Kind, Posts], figures: Figures, log: FilteringBoundLogger) -> None:
        self._posts = posts
        self._figures = figures
        self._log = log

    async def decide(
        self, kind: Kind, body: Body, urls: Sequence[str], hooks: Hooks, timeout_s: float
    ) -> Decision:
        """Ask all at the same time. Takes `timeout_s` at most; raises nothing but Cancelled."""
        began_s = trio.current_time()
        policy = Verdict(allowed=allows_unanswered(hooks, kind), answered=False)
        outcomes = [Outcome(policy, knows=False)] * len(urls)

        async def ask(index: int) -> None:
            outcomes[index] = await self._ask(kind, urls[index], body, hooks, timeout_s, policy)

        async with trio.open_nursery() as nursery:
            for index in range(len(urls)):
                nursery.start_soon(ask, index)
        decision = decision_of(urls, outcomes)
        self._figures.decided(result_of(decision.verdict), trio.current_time() - began_s)
        return decision

    async def _ask(
        self, kind: Kind, url: str, body: Body, hooks: Hooks, timeout_s: float, policy: Verdict
    ) -> Outcome:
        """One service's verdict, or the policy's."""
        data = encode(body)
        headers = headers_for(data, body.event_id, hooks.secret, int(time.time()))
        try:
            reply = await self._posts[kind].post(url, data, headers, timeout_s)
            verdict = understand(reply.status, reply.body)
        except OutsideError as error:
            self._unanswered(url, body, error.reason, str(error))
            return Outcome(policy, knows=error.blame is not Blame.OURS)
        except NotUnderstood as error:
            self._unanswered(url, body, NOT_UNDERSTOOD, str(error))
            return Outcome(policy, knows=True)
        self._figures.answered(url, time.time_ns() // 1_000_000)
        return Outcome(verdict, knows=verdict.allowed)

    def _unanswered(self, url: str, body: Body, reason: str, text: str) -> None:
        now_ms = time.time_ns() // 1_000_000
        failure = Failure(now_ms, body.action, body.event_id, body.name, url, reason, text)
        self._figures.failure(failure)
        self._log.warning(
            "hook_unanswered", action=body.action, stream=body.name, event_id=body.event_id, reason=reason
        )


def decision_of(urls: Sequence[str], outcomes: Sequence[Outcome]) -> Decision:
    """All services' outcomes as one."""
    asked = list(zip(urls, outcomes, strict=True))
    return Decision(
        combined(outcome.verdict for outcome in outcomes),
        tuple(url for url, outcome in asked if outcome.knows),
        tuple(url for url, outcome in asked if not outcome.verdict.answered),
    )


def result_of(verdict: Verdict) -> str:
    """The verdict in the words of the metrics catalogue."""
    word = "allowed" if verdict.allowed else "denied"
    return word if verdict.answered else f"unanswered_{word}"
