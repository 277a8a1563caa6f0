"""The way `hook` of an access rule: whom the rules let in, a service may still refuse."""

from engine.access.verdict import Question, Verdict, refused
from workers.fanout.visits import Visits


class ServiceDecides:
    """The service that is asked about a visit decides (visits.py).

    It is asked a moment after the rules, with all that it is told of a client, so nothing is asked here; but
    where nobody is asked about such visits of the stream, nobody gets in. When the service does not answer,
    `hooks.publish_unanswered` and `hooks.play_unanswered` say what holds.
    """

    def __init__(self, visits: Visits) -> None:
        self._visits = visits

    async def decide(self, question: Question, verdict: Verdict) -> Verdict:
        """What the rules said, if there is a service to ask."""
        action = question.action
        if (action == "publish" or action == "play") and self._visits.asks(action, question.path):
            return verdict
        return refused("hook_failed", verdict.key_id)
