"""What one request's metrics cost: counted, timed and in flight, in the files of a real worker.

The promise is 10 us for the API's middleware. On the media port, where a thousand players of HLS ask four
times a second, counting is plain numbers, and what hands them on once a second is a step of its own.
"""

import tempfile

from bench.micro.clock import Step
from workers.control.requests import RequestTally
from workers.fanout.report import Report
from workers.runtime.metrics import Metrics

ROUTE = "/api/v1/streams"
HLS_ROUTE = "/{stream}/media.m3u8"
TOOK_S = 0.0021


def metrics_steps() -> list[Step]:
    """Built when asked for: a folder for metrics comes with it."""
    folder = tempfile.TemporaryDirectory(prefix="fanlight-bench-")
    metrics = Metrics("bench0", folder.name)
    tally, report = RequestTally(metrics, in_flight=True), Report(metrics, "bench0")

    def in_the_middleware() -> None:
        tally.began()
        tally.ended("GET", ROUTE, 200, TOOK_S)
        folder.name  # noqa: B018 - the folder lives as long as its step

    def on_the_media_port() -> None:
        report.in_flight += 1
        report.in_flight -= 1
        report.request("GET", HLS_ROUTE, 200)
        report.request_took("GET", HLS_ROUTE, TOOK_S)

    def handed_on() -> None:
        on_the_media_port()
        report.flush(())
        metrics.flush()

    counter = metrics.bind("fanlight_http2_requests_total")
    gathering = metrics.gather("fanlight_http_request_seconds", method="GET", route=ROUTE)
    return [
        Step("metrics: a request in the API's middleware", in_the_middleware, 1, "request"),
        Step("metrics: a request on the media port", on_the_media_port, 1, "request"),
        Step("metrics: a worker's requests handed on", handed_on, 1, "flush"),
        Step("metrics: a counter", counter.inc, 1, "call"),
        Step("metrics: a value added to a histogram", lambda: gathering.add(TOOK_S), 1, "call"),
    ]
