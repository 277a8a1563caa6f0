"""Asking services whether a client may come in."""

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

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


class Decision:
    """What came of one question.

    `reached`: whether a service may have had the question without our having its answer, so that it may
    believe that the client is in.
    """

    def __init__(self) -> None:
        self.verdict = Verdict(allowed=True)
        self.reached = False


class Decisions:
    """Asks, within the time there is; what is not answered the policy decides.

    Args:
        posts: calls services.
        figures: counts.
        log: tells of calls without an answer.
    """

    def __init__(self, posts: Posts, figures: Figures, log: FilteringBoundLogger) -> None:
        self._posts = posts
        self._figures = figures
        self._log = log

    async def decide(
        self, kind: Kind, body: Body, urls: Sequence[str], hooks: Hooks, timeout_s: float
    ) -> Decision:
        """Ask all at the same time. Takes `timeout_s` at most; raises nothing but Cancelled."""
        began_s = trio.current_time()
        decision = Decision()
        policy = Verdict(allowed=allows_unanswered(hooks, kind), answered=False)
        verdicts = [policy] * len(urls)
        async with trio.open_nursery() as nursery:
            for index, url in enumerate(urls):
                ask = partial(self._ask, url, body, hooks, timeout_s, decision)
                nursery.start_soon(_into, verdicts, index, ask)
        decision.verdict = combined(verdicts)
        self._figures.decided(result_of(decision.verdict), trio.current_time() - began_s)
        return decision

    async def _ask(
        self, url: str, body: Body, hooks: Hooks, timeout_s: float, decision: Decision
    ) -> Verdict | None:
        """One service's verdict; None for no answer."""
        data = encode(body)
        headers = headers_for(data, body.event_id, hooks.secret, int(time.time()))
        try:
            reply = await self._posts.post(url, data, headers, timeout_s)
            verdict = understand(reply.status, reply.body)
        except OutsideError as error:
            decision.reached = decision.reached or error.blame is not Blame.OURS
            self._unanswered(url, body, error.reason, str(error))
            return None
        except NotUnderstood as error:
            decision.reached = True
            self._unanswered(url, body, NOT_UNDERSTOOD, str(error))
            return None
        self._figures.answered(url, time.time_ns() // 1_000_000)
        return verdict

    def _unanswered(self, url: str, body: Body, reason: str, text: str) -> None:
        now_ms = time.time_ns() // 1_000_000
        failure = Failure(now_ms, body.action, body.event_id, body.name, url, reason, text)
        self._figures.failure(failure)
        self._log.warning(
            "hook_unanswered", action=body.action, stream=body.name, event_id=body.event_id, reason=reason
        )


async def _into(verdicts: list[Verdict], index: int, ask: Callable[[], Awaitable[Verdict | None]]) -> None:
    """Put the answer in its place; without one the policy's stays."""
    verdict = await ask()
    if verdict is not None:
        verdicts[index] = verdict


def result_of(verdict: Verdict) -> str:
    """The verdict in the words of the metrics catalogue."""
    word = "allowed" if verdict.allowed else "denied"
    return word if verdict.answered else f"unanswered_{word}"
