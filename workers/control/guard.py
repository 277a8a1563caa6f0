"""Who may use the API and read the metrics: an ASGI middleware in front of all routes.

Around the framework rather than in it, so that no route can be forgotten. What is asked for is not looked at:
whoever has no key learns nothing about which routes there are, and which clients.
"""

from collections.abc import Iterable

import msgspec
from structlog.typing import FilteringBoundLogger

from engine.access.pages import FAULTS, Asked, fault_of_page
from engine.access.reasons import Action, needs_credentials
from engine.access.shown import NOTHING, Shown, shown_in_request
from engine.access.verdict import Verdict
from engine.protocols.http import challenges
from workers.control import models
from workers.control.requests import App, Receive, Scope, Send
from workers.runtime.gate import Gate
from workers.runtime.metrics import Binder


class Guard:
    """Lets through whom the gate lets in.

    Args:
        app: behind it.
        gate: decides.
        action: what is asked of it.
        open_paths: what everybody may ask for: whether the engine lives.
        log, metrics: hear who was refused.
    """

    def __init__(
        self,
        app: App,
        gate: Gate,
        action: Action,
        log: FilteringBoundLogger,
        metrics: Binder,
        open_paths: Iterable[str] = (),
    ) -> None:
        self._app = app
        self._gate = gate
        self._action: Action = action
        self._log = log
        self._metrics = metrics
        self._open_paths = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._open_paths:
            await self._app(scope, receive, send)
            return
        shown, spoke_basic = shown_by(scope)
        address = self._gate.client_behind(
            str((scope.get("client") or ("",))[0]), ", ".join(fields(scope, b"x-forwarded-for"))
        )
        verdict = await self._gate.judge(self._action, "", address, shown)
        if not verdict.allowed:
            self._note(verdict.reason, address, verdict.key_id)
            await refuse(send, verdict, basic=spoke_basic or not shown.keys)
            return
        fault = fault_of_page(asked_by(scope), is_open=verdict.reason == "open")
        if fault is None:
            await self._app(scope, receive, send)
            return
        self._note(fault, address, verdict.key_id)
        status, sentence = FAULTS[fault]
        await answer(send, status, models.Refusal(error=fault, detail=sentence))

    def _note(self, reason: str, address: str, key_id: str) -> None:
        """Count and log one who is not let in."""
        name = "fanlight_control_refusals_total"
        self._metrics.bind(name, port=self._action, reason=reason).inc()
        self._log.info("access_refused", action=self._action, address=address, reason=reason, key=key_id)


def shown_by(scope: Scope) -> tuple[Shown, bool]:
    """What the request shows in its Authorization field, and whether that was Basic.

    Not in its query: addresses of the API stand in histories, proxies' logs and referrers (RFC 6750 section
    2.3).
    """
    for field in fields(scope, b"authorization"):
        return shown_in_request({}, field), field[:6].lower() == "basic "
    return NOTHING, False


def asked_by(scope: Scope) -> Asked:
    """What of the request tells whether a web page sends it."""

    def field(name: bytes) -> str:
        return next(iter(fields(scope, name)), "")

    return Asked(
        method=str(scope["method"]),
        host=field(b"host"),
        origin=field(b"origin"),
        site=field(b"sec-fetch-site"),
        mode=field(b"sec-fetch-mode"),
        content_type=field(b"content-type"),
    )


def fields(scope: Scope, wanted: bytes) -> list[str]:
    """The values of a header field, in the order they were sent."""
    return [bytes(value).decode("latin-1") for name, value in scope["headers"] if name.lower() == wanted]


async def refuse(send: Send, verdict: Verdict, *, basic: bool) -> None:
    """Answer 401 or 403."""
    again = needs_credentials(verdict.refusal)
    asking = [(name.lower().encode(), value.encode()) for name, value in challenges(basic=basic) if again]
    refusal = models.Refusal(error=verdict.reason, detail=verdict.sentence)
    await answer(send, 401 if again else 403, refusal, asking)


async def answer(
    send: Send, status: int, refusal: models.Refusal, more: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Answer with JSON, as all refusals of the API do."""
    body = msgspec.json.encode(refusal)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
