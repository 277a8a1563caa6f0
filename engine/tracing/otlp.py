"""OTLP over HTTP in its JSON form (opentelemetry.io/docs/specs/otlp, section "JSON Protobuf Encoding").

It is protobuf's JSON mapping with ids as hexadecimal instead of base64, enumerations as numbers, 64-bit
integers as texts. Why not the binary form: collectors take both on the same path, and this one needs no
library, no generated code, and no further process to be read.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from engine.tracing.span import MAX_TEXT, Attributes, Span

CONTENT_TYPE: Final = "application/json"
SCOPE: Final = "fanlight"
STATUS_ERROR: Final = 2  # opentelemetry.proto.trace.v1.Status.StatusCode
SAMPLED_FLAG: Final = 1  # Span.flags: the low 8 bits are those of traceparent

_encode = msgspec.json.Encoder().encode


class _PartialSuccess(msgspec.Struct, frozen=True, rename="camel"):
    rejected_spans: int = 0


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    partial_success: _PartialSuccess = _PartialSuccess()


_answers: Final = msgspec.json.Decoder(_Answer, strict=False)  # 64-bit integers may be texts


def encode_span(span: Span) -> bytes:
    """One span."""
    form: dict[str, object] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": int(span.kind),
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "flags": SAMPLED_FLAG,
        "attributes": _attributes(span.attributes),
    }
    if span.parent_id:
        form["parentSpanId"] = span.parent_id
    if span.error:
        form["status"] = {"code": STATUS_ERROR, "message": span.error[:MAX_TEXT]}
    return _encode(form)


def encode_request(resources: Iterable[tuple[Attributes, Sequence[bytes]]]) -> bytes:
    """An ExportTraceServiceRequest: what each resource (a process) has to tell, spans as `encode_span` made
    them."""
    return _encode(
        {
            "resourceSpans": [
                {
                    "resource": {"attributes": _attributes(resource)},
                    "scopeSpans": [
                        {"scope": {"name": SCOPE}, "spans": [msgspec.Raw(span) for span in spans]}
                    ],
                }
                for resource, spans in resources
            ]
        }
    )


def rejected_spans(body: bytes) -> int:
    """How many spans a collector says that it has not taken, in an answer of success."""
    try:
        return max(0, _answers.decode(body).partial_success.rejected_spans) if body else 0
    except (msgspec.DecodeError, msgspec.ValidationError):  # whatever it says: it was a success
        return 0


def _attributes(attributes: Attributes) -> list[dict[str, object]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: str | float | bool) -> dict[str, object]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": value[:MAX_TEXT]}
