"""W3C Trace Context (REC-trace-context-1): the header `traceparent`, and which traces are kept.

`tracestate`, what vendors add for themselves, is not passed on: section 3.3.1 lets who forwards drop it.
"""

import re
from typing import Final, NamedTuple

SAMPLED: Final = 0x01  # section 3.2.2.5.1, the one flag of version 00

_FORM: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[!-~]*)?")
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16
_RANDOM_DIGITS: Final = 14  # trace-context-2, section 3.2.2.5.2: at least the rightmost 7 bytes are random


class Context(NamedTuple):
    """Where a span stands: its trace, itself, and whether the trace is kept. Ids are lower-case hexadecimal,
    32 and 16 digits."""

    trace_id: str
    span_id: str
    sampled: bool


def parse_traceparent(text: str) -> Context | None:
    """What the header says; None for what is no such header, which the specification wants ignored."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    # Section 3.2.4: a later version may say more behind the flags, this one may not, and ff is none.
    if version == "ff" or (version == "00" and more is not None):
        return None
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return Context(trace_id, span_id, bool(int(flags, 16) & SAMPLED))


def format_traceparent(context: Context) -> str:
    """The header for whoever comes next."""
    return f"00-{context.trace_id}-{context.span_id}-{SAMPLED if context.sampled else 0:02x}"


def is_sampled(trace_id: str, ratio: float) -> bool:
    """Whether a trace is among the part `ratio` that is kept. The id alone decides, so that all who use the
    same ratio keep the same ones."""
    return int(trace_id[-_RANDOM_DIGITS:], 16) < ratio * 16**_RANDOM_DIGITS
