"""Delivery directives: what a player asks of a media playlist in the query (RFC 8216bis §6.2.5)."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

from engine.protocols.hls.errors import RemoteProtocolError
from engine.protocols.hls.limits import MAX_DIRECTIVE_DIGITS, MAX_NUMBER, MAX_PART

Skip: TypeAlias = Literal["YES", "v2"]

MSN: Final = "_HLS_msn"
PART: Final = "_HLS_part"
SKIP: Final = "_HLS_skip"

_NUMBER: Final = re.compile(rf"[0-9]{{1,{MAX_DIRECTIVE_DIGITS}}}", re.ASCII)


class Directives(NamedTuple):
    """Answer once the playlist holds segment `msn`, or part `part` of it; leave out what is old if `skip`."""

    msn: int | None = None
    part: int | None = None
    skip: Skip | None = None


NO_DIRECTIVES: Final = Directives()


def parse_directives(query: Mapping[str, str]) -> Directives:
    """Read ours in `query`; RemoteProtocolError 400 for nonsense. Other parameters may be anybody's."""
    return _directives(query.get(MSN), query.get(PART), query.get(SKIP))


@lru_cache(maxsize=1024)
def _directives(msn_text: str | None, part_text: str | None, skip: str | None) -> Directives:
    """A crowd gives the same ones; what is remembered is never longer than good ones are."""
    msn, part = _number(MSN, msn_text, MAX_NUMBER), _number(PART, part_text, MAX_PART)
    if part is not None and msn is None:
        raise RemoteProtocolError(f"{PART} without {MSN}")  # §6.2.5.2
    return Directives(msn, part, _skip(skip))


def _number(name: str, text: str | None, most: int) -> int | None:
    if text is None:
        return None
    if _NUMBER.fullmatch(text) is None or int(text) > most:
        raise RemoteProtocolError(f"{name} is no number that a playlist could reach")
    return int(text)


def _skip(text: str | None) -> Skip | None:
    if text is None or text == "YES" or text == "v2":
        return text  # type: ignore[return-value]  # mypy does not narrow to literals here
    raise RemoteProtocolError(f"{SKIP} is YES or v2")
