"""Asks the gate and the guard on behalf of somebody who wants to publish or play, and notes what they said.

Names of keys are told, keys never: what was shown does not come further than the gate.
"""

from collections.abc import Callable

from engine.access.reasons import Action, needs_credentials
from engine.access.shown import Shown
from engine.access.verdict import Verdict, refused
from engine.protocols.http import Fields, challenges
from workers.fanout.audience import Audience


async def judge(audience: Audience, action: Action, name: str, address: str, shown: Shown) -> Verdict:
    """Whether somebody may do `action` with the stream `name`, by the bans as they were last looked at, and
    without a word in the log: for who asks at each request, whose address has just been looked up there.
    """
    verdict = await audience.gate.judge(action, name, address, shown)
    return unless_banned(verdict, audience.guard.was_key_banned)


def unless_banned(verdict: Verdict, is_key_banned: Callable[[str], bool]) -> Verdict:
    """The gate's verdict, but for keys that are banned: so only who has the key hears of the ban."""
    if verdict.allowed and is_key_banned(verdict.key_id):
        return refused("banned", verdict.key_id)
    return verdict


async def ask_at_the_gate(
    audience: Audience, action: Action, name: str, address: str, shown: Shown, conn: str
) -> Verdict:
    """Whether the one on connection `conn` may do `action` with the stream `name`."""
    if audience.worker.tracer is not None:
        audience.worker.tracer.step("access", story_name=action)
    verdict = await audience.gate.judge(action, name, address, shown)
    verdict = unless_banned(verdict, audience.guard.is_key_banned)
    if not verdict.allowed:
        audience.worker.log.info(
            "access_refused",
            conn=conn,
            action=action,
            stream=name,
            address=address,
            reason=verdict.reason,
            key=verdict.key_id,
        )
    elif verdict.reason != "open":
        audience.worker.log.info(
            "access_granted", conn=conn, action=action, stream=name, by=verdict.reason, key=verdict.key_id
        )
    return verdict


def refusal_of(verdict: Verdict, shown: Shown, authorization: str | None) -> tuple[int, Fields]:
    """Status and fields of HTTP's answer to one who is not let in: 401 where other credentials would do."""
    if not needs_credentials(verdict.refusal):
        return 403, ()
    came_with_nothing = not (shown.keys or shown.signature)
    spoke_basic = authorization is not None and authorization[:6].lower() == "basic "
    return 401, challenges(basic=came_with_nothing or spoke_basic)
