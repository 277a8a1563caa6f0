"""The sender of webhooks as the API shows it."""

from workers.control import models
from workers.control.hooks.figures import Failure, shown_url
from workers.control.hooks.office import HookOffice
from workers.control.streams import wall_time

NS_PER_MS = 1_000_000


def hooks_of(office: HookOffice) -> models.Hooks:
    """How it stands now."""
    figures, spool = office.figures, office.spool
    return models.Hooks(
        queued=len(office.lanes),
        oldest_s=round(office.oldest_s(), 3),
        spool_bytes=spool.segments.total_bytes,
        spool_limit_bytes=spool.segments.limit_bytes,
        sessions=len(spool.book.ledger.open),
        delivered=figures.delivered,
        refused=figures.refused,
        dropped=figures.dropped,
        removed=figures.removed,
        failed=figures.failed,
        services=_services(office),
        failures=[_failure(failure) for failure in reversed(figures.failures)],
    )


def _services(office: HookOffice) -> list[models.HookService]:
    waiting, answered = office.lanes.waiting(), office.figures.answered_ms
    return [
        models.HookService(
            url=shown_url(url),
            queued=waiting.get(url, 0),
            answered_at=wall_time(answered[url] * NS_PER_MS) if url in answered else None,
        )
        for url in sorted(waiting.keys() | answered.keys())
    ]


def _failure(failure: Failure) -> models.HookFailure:
    return models.HookFailure(
        at=wall_time(failure.at_ms * NS_PER_MS),
        action=failure.action,
        event_id=failure.event_id,
        stream=failure.stream,
        url=failure.url,
        reason=failure.reason,
        text=failure.text,
    )
