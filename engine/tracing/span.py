"""A span: one thing that took its time, as part of a trace."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from msgspec import Struct

Attributes = Mapping[str, str | int | float | bool]

MAX_TEXT: Final = 256
"""Characters of one text in an attribute: stream names have at most 259, and routes, reasons and addresses
are shorter. It bounds what a span weighs on its way, some 2 KiB. OpenTelemetry has no bound unless told."""


class SpanKind(IntEnum):
    """opentelemetry.proto.trace.v1.Span.SpanKind."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3


class Span(Struct, frozen=True, kw_only=True):
    """A finished one. Ids as in `Context`; times are nanoseconds since 1970."""

    trace_id: str
    span_id: str
    parent_id: str
    """Empty for the first span of a trace."""
    name: str
    kind: SpanKind
    start_ns: int
    end_ns: int
    attributes: Attributes
    error: str
    """Why it failed; empty if it did not."""
