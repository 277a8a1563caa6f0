"""Traces as others read them: who follows whom (W3C Trace Context), what is kept, and OTLP's JSON."""

from engine.tracing.context import Context, format_traceparent, is_sampled, parse_traceparent
from engine.tracing.otlp import CONTENT_TYPE, encode_request, encode_span, rejected_spans
from engine.tracing.span import Attributes, Span, SpanKind

__all__ = [
    "CONTENT_TYPE",
    "Attributes",
    "Context",
    "Span",
    "SpanKind",
    "encode_request",
    "encode_span",
    "format_traceparent",
    "is_sampled",
    "parse_traceparent",
    "rejected_spans",
]
