"""The routes behind `[metrics] listen`: /metrics, /healthz and /readyz."""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from litestar import Litestar, Response, get
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation
from prometheus_client import CONTENT_TYPE_LATEST
from structlog.typing import FilteringBoundLogger

from workers.control import models
from workers.control.limits import BODY_MAX_BYTES
from workers.control.refusals import Refusals
from workers.control.staff import Staff

ALIVE: Final = models.Health(alive=True)

OPEN_PROBES: Final = ("/healthz", "/readyz")
"""What everybody who reaches the port may ask: those who keep the engine running have no keys to show."""


class Gauges:
    """Everything the probes ask. `scrape` makes the text of /metrics."""

    def __init__(
        self,
        staff: Staff,
        heartbeat_timeout_s: Callable[[], float],
        scrape: Callable[[], Awaitable[bytes]],
    ) -> None:
        self._staff = staff
        self._heartbeat_timeout_s = heartbeat_timeout_s
        self.scrape = scrape

    def readiness(self) -> models.Readiness:
        return self._staff.readiness(time.monotonic_ns(), self._heartbeat_timeout_s())


TheGauges = NamedDependency[SkipValidation[Gauges]]


@get("/metrics", include_in_schema=False)
async def show_metrics(gauges: TheGauges) -> Response[bytes]:
    return Response(await gauges.scrape(), headers={"content-type": CONTENT_TYPE_LATEST})


@get("/healthz")
async def show_health() -> models.Health:
    return ALIVE


@get("/readyz")
async def show_readiness(gauges: TheGauges) -> Response[models.Readiness]:
    readiness = gauges.readiness()
    return Response(readiness, status_code=200 if readiness.ready else 503)


def build_probes(gauges: Gauges, log: FilteringBoundLogger) -> Litestar:
    """The application behind `[metrics] listen`, without what `Requests` adds."""
    return Litestar(
        [show_metrics, show_health, show_readiness],
        dependencies={"gauges": Provide(lambda: gauges, sync_to_thread=False)},
        exception_handlers=Refusals(log).handlers(),
        logging_config=None,
        openapi_config=None,
        request_max_body_size=BODY_MAX_BYTES,
        debug=False,
        pdb_on_exception=False,
    )
