"""What goes wrong here, by the name of the log line that tells it.

An error is what is logged as one (`error` and above): a fault of ours, or of the machine. What strangers do
wrong is none; it has counters of its own (protocol errors, refusals, handshake failures).
"""

from typing import Final

from engine.metrics.metric import Metric

ERROR_TYPES: Final = (
    "bus_answer_lost",
    "bus_handler_failed",
    "bus_message_without_handler",
    "bus_packet_unusable",
    "cannot_accept",
    "cannot_start",
    "certificate_not_valid",
    "certificate_refused",
    "connection_failed",
    "draining",
    "feed_failed",
    "fork_refused",
    "hand_over_unreadable",
    "hook_answer_lost",
    "hook_events_dropped",
    "hook_failed_here",
    "hook_not_asked",
    "hook_notices_left",
    "hook_notices_lost",
    "hook_sender_silent",
    "hook_spool_failed",
    "log_file_failed",
    "log_rotation_failed",
    "order_lost",
    "package_failed",
    "ready_message_lost",
    "reload_refused",
    "request_failed",
    "ring_failed",
    "shelf_failed",
    "worker_died",
    "worker_failed",
    "worker_hung",
    "workers_die_everywhere",
)
"""The names of those lines. A test holds them equal to what the code logs."""

ERRORS: Final = (
    Metric(
        name="fanlight_errors_total",
        kind="counter",
        help="Faults, ours or the machine's: every line that is logged as an error, by its event and by the"
        " process that met it. What peers do wrong is counted elsewhere.",
        labels=("type", "component"),
        own=(("type", ERROR_TYPES),),
    ),
)
