"""Calls of hook services that a trace tells of: each is a span, and the service is told which."""

from collections.abc import Mapping

from engine.access.targets import parse_target
from engine.policy.outside import OutsideError
from engine.tracing import SpanKind
from workers.control.hooks.callers import Posts
from workers.runtime.outgoing import Reply
from workers.runtime.tracing import Story, Tracer


class TracedPosts:
    """Calls as `posts` does, on behalf of the task's story, where there is one."""

    def __init__(self, posts: Posts, tracer: Tracer) -> None:
        self._posts = posts
        self._tracer = tracer

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], deadline_s: float) -> Reply:
        """Send `body`; the answer. Raises OutsideError."""
        story = self._tracer.current()
        if story is None:
            return await self._posts.post(url, body, headers, deadline_s)
        call = story.child("hook", kind=SpanKind.CLIENT)
        # The service's name, and not its URL: the rest of that may hold a key.
        call.tell(http__request__method="POST", server__address=parse_target(url).origin)
        return await self._told(call, url, body, headers, deadline_s)

    async def _told(
        self, call: Story, url: str, body: bytes, headers: Mapping[str, str], deadline_s: float
    ) -> Reply:
        error = "cancelled"
        try:
            reply = await self._posts.post(
                url, body, {**headers, "traceparent": call.traceparent}, deadline_s
            )
            call.tell(http__response__status_code=reply.status)
            error = f"status {reply.status}" if reply.status >= 400 else ""
        except OutsideError as fault:
            error = fault.reason
            raise
        finally:
            call.end(error)
        return reply
