"""Spans as a collector reads them, with OpenTelemetry's own protocol buffers as the judge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tracing import Span, SpanKind, encode_request, encode_span, rejected_spans
from engine.tracing.span import MAX_TEXT
from tests.otlp import decode

TRACE, PARENT, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "53995c3f42cd8ad8"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=MAX_TEXT)
VALUES = (
    TEXTS
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
SPANS = st.builds(
    Span,
    trace_id=st.just(TRACE),
    span_id=st.just(SPAN),
    parent_id=st.sampled_from(["", PARENT]),
    name=TEXTS,
    kind=st.sampled_from(SpanKind),
    start_ns=st.integers(0, 2**63),
    end_ns=st.integers(0, 2**63),
    attributes=st.dictionaries(TEXTS, VALUES, max_size=5),
    error=TEXTS,
)


@given(span=SPANS, process=st.dictionaries(TEXTS, VALUES, max_size=3))
def test_every_field_arrives(span: Span, process: dict[str, str | int | float | bool]) -> None:
    (seen,) = decode(encode_request([(process, [encode_span(span)])]))
    assert (seen.trace_id, seen.span_id, seen.parent_id) == (span.trace_id, span.span_id, span.parent_id)
    assert (seen.name, seen.kind, seen.error) == (span.name, span.kind, span.error)
    assert (seen.start_ns, seen.end_ns) == (span.start_ns, span.end_ns)
    assert (seen.attributes, seen.process) == (span.attributes, process)


def test_spans_stay_with_their_processes() -> None:
    def span(name: str) -> bytes:
        return encode_span(
            Span(
                trace_id=TRACE,
                span_id=SPAN,
                parent_id="",
                name=name,
                kind=SpanKind.SERVER,
                start_ns=1,
                end_ns=2,
                attributes={},
                error="",
            )
        )

    body = encode_request([({"w": "fanout0"}, [span("a"), span("b")]), ({"w": "ingest0"}, [span("c")])])
    assert [(seen.name, seen.process["w"]) for seen in decode(body)] == [
        ("a", "fanout0"),
        ("b", "fanout0"),
        ("c", "ingest0"),
    ]


def test_long_texts_are_cut() -> None:
    span = Span(
        trace_id=TRACE,
        span_id=SPAN,
        parent_id="",
        name="n",
        kind=SpanKind.INTERNAL,
        start_ns=1,
        end_ns=2,
        attributes={"long": "x" * 1000},
        error="y" * 1000,
    )
    (seen,) = decode(encode_request([({}, [encode_span(span)])]))
    assert (seen.attributes["long"], seen.error) == ("x" * MAX_TEXT, "y" * MAX_TEXT)


@pytest.mark.parametrize(
    ("answer", "rejected"),
    [
        (b"", 0),
        (b"{}", 0),
        (b'{"partialSuccess": {}}', 0),
        (b'{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}}', 3),
        (b'{"partialSuccess": {"rejectedSpans": 3}}', 3),
        (b'{"partialSuccess": {"rejectedSpans": -3}}', 0),
        (b'{"partialSuccess": 3}', 0),
        (b"<html>", 0),
        (b"\xff", 0),
    ],
)
def test_a_collector_s_answer_says_what_it_has_not_taken(answer: bytes, rejected: int) -> None:
    assert rejected_spans(answer) == rejected
