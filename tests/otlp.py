"""OTLP's JSON as the official protocol buffers read it: strictly, an unknown field is an error."""

import base64
import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

IDS: Final = ("traceId", "spanId", "parentSpanId")


class SeenSpan(NamedTuple):
    """A span with what was said of its process. Ids are hexadecimal."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    start_ns: int
    end_ns: int
    attributes: dict[str, object]
    error: str
    process: dict[str, object]

    @property
    def role(self) -> str:
        return str(self.process["fanlight.role"])


def decode(body: bytes) -> list[SeenSpan]:
    """The spans of one request. Raises google.protobuf.json_format.ParseError."""
    # The one deviation of OTLP from protobuf's JSON: ids are hexadecimal there, and base64 here.
    text = json.dumps(json.loads(body, object_pairs_hook=_with_base64_ids))
    request = Parse(text, ExportTraceServiceRequest(), ignore_unknown_fields=False)
    return [
        _seen(span, _attributes(resource.resource.attributes))
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _with_base64_ids(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {
        key: base64.b64encode(bytes.fromhex(value)).decode() if key in IDS else value for key, value in pairs
    }


def _seen(span: Span, process: dict[str, object]) -> SeenSpan:
    return SeenSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        kind=span.kind,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        error=span.status.message if span.status.code == 2 else "",
        process=process,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, object]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "") for pair in pairs}
