"""Every error as JSON: a word for programs, a sentence for people, and nothing about our insides."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from structlog.typing import FilteringBoundLogger

from engine.access.bans import BadBan
from engine.access.names import BadName
from workers.control import models
from workers.control.bans import TooManyBans
from workers.control.clients import Unanswered
from workers.control.limits import ASK_TIMEOUT_S

AnyRequest = Request[Any, Any, Any]


class NotThere(Exception):
    """What was asked for does not exist; the text says what."""


class Refusals:
    """Exception handlers for a Litestar application."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log

    def handlers(self) -> dict[int | type[Exception], Any]:
        """By type of exception, as Litestar wants them."""
        return {
            NotThere: lambda _request, error: refuse(404, "not_found", str(error)),
            BadName: lambda _request, error: refuse(400, "bad_name", str(error)),
            BadBan: lambda _request, error: refuse(400, "bad_ban", str(error)),
            TooManyBans: lambda _request, error: refuse(409, "too_many_bans", str(error)),
            Unanswered: _unanswered,
            HTTPException: _of_framework,
            Exception: self._of_ours,
        }

    def _of_ours(self, request: AnyRequest, error: Exception) -> Response[models.Refusal]:
        self._log.error("request_failed", path=request.scope["path"], exc_info=error)
        return refuse(500, "internal_server_error", "see the log; x-request-id leads to the line")


def refuse(
    status: int, error: str, detail: str, headers: Mapping[str, str] | None = None
) -> Response[models.Refusal]:
    """The answer to a request that is not granted."""
    body = models.Refusal(error=error, detail=detail)
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def _unanswered(_request: AnyRequest, error: Unanswered) -> Response[models.Refusal]:
    detail = f"{error} holds this client and did not answer within {ASK_TIMEOUT_S:g} s"
    return refuse(503, "worker_not_answering", detail)


def _of_framework(_request: AnyRequest, error: HTTPException) -> Response[models.Refusal]:
    status = error.status_code
    word = HTTPStatus(status).phrase.lower().replace(" ", "_")
    return refuse(status, word, _sentence(error) if status < 500 else word, dict(error.headers or {}))


def _sentence(error: HTTPException) -> str:
    """What is wrong, parameter by parameter where the framework says so."""
    if isinstance(error.extra, list):
        faults = [f"{fault['key']}: {fault['message']}" for fault in error.extra if "key" in fault]
        if faults:
            return "; ".join(faults)
    return error.detail
