"""The header `traceparent`, and which traces are kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tracing import Context, format_traceparent, is_sampled, parse_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
IDS = st.builds(
    Context,
    st.integers(1, 2**128 - 1).map(lambda number: f"{number:032x}"),
    st.integers(1, 2**64 - 1).map(lambda number: f"{number:016x}"),
    st.booleans(),
)


@given(context=IDS)
def test_what_we_write_we_read(context: Context) -> None:
    assert parse_traceparent(format_traceparent(context)) == context


@given(text=st.text(max_size=80) | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-.{0,6}"))
def test_any_other_text_is_ignored_or_read_but_never_an_error(text: str) -> None:
    found = parse_traceparent(text)
    assert found is None or text.startswith(text[:2] + f"-{found.trace_id}-{found.span_id}-")


def test_unknown_flags_and_later_versions_are_read_as_far_as_they_are_known() -> None:
    assert parse_traceparent(f"00-{TRACE}-{SPAN}-03") == Context(TRACE, SPAN, True)
    assert parse_traceparent(f"00-{TRACE}-{SPAN}-02") == Context(TRACE, SPAN, False)
    assert parse_traceparent(f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like") == Context(
        TRACE, SPAN, True
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
    ],
)
def test_what_the_specification_calls_invalid_is_no_parent(text: str) -> None:
    assert parse_traceparent(text) is None


@given(trace_id=IDS.map(lambda context: context.trace_id))
def test_all_none_and_the_same_part_for_everybody(trace_id: str) -> None:
    assert is_sampled(trace_id, 1.0)
    assert not is_sampled(trace_id, 0.0)
    assert is_sampled(trace_id, 0.75) or not is_sampled(trace_id, 0.25)


def test_a_tenth_is_a_tenth_of_the_ids() -> None:
    step = 16**14 // 1000
    kept = [
        number for number in range(1000) if is_sampled(f"{'a' * 18}{number * step + step // 2:014x}", 0.1)
    ]
    assert kept == list(range(100))
