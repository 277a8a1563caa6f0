"""Metrics of what the engine tells of itself in other ways: log lines and traces."""

from typing import Final

from engine.metrics.metric import Metric

LOGS_AND_TRACES: Final = (
    Metric(
        name="fanlight_log_lines_total",
        kind="counter",
        help="Log lines of at least the configured level, without those that their rate held back.",
        labels=("level",),
    ),
    Metric(
        name="fanlight_log_lines_left_out_total",
        kind="counter",
        help="Log lines that were not written: too many of one kind, a reader of the stream that does not "
        "read, a file that cannot be written. The log itself tells the first two by kind and number.",
        labels=("reason",),
        reasons=("rate", "stream_full", "file_failed"),
    ),
    Metric(
        name="fanlight_log_rotations_total",
        kind="counter",
        help="Times the log file was full and moved aside.",
    ),
    Metric(
        name="fanlight_trace_spans_total",
        kind="counter",
        help="Spans that ended in traces that are kept.",
    ),
    Metric(
        name="fanlight_trace_spans_exported_total",
        kind="counter",
        help="Spans that the collector has taken.",
    ),
    Metric(
        name="fanlight_trace_spans_dropped_total",
        kind="counter",
        help="Spans that were lost: `queue_full` before they were sent to control, `not_handed_on` because "
        "control did not take them, `backlog_full` there because the collector is slow or down, "
        "`not_sent` because that cannot succeed, has failed too often or the engine ends, `rejected` by the "
        "collector. What a worker that was killed had not handed on yet is in neither.",
        labels=("reason",),
        reasons=("queue_full", "not_handed_on", "backlog_full", "not_sent", "rejected"),
    ),
)
