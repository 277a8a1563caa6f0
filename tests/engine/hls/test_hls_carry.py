"""What a playlist's address shows is shown by every address in it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access.shown import query_to_carry
from engine.protocols.hls.carry import with_query
from engine.protocols.hls.errors import LocalProtocolError

MEDIA = b"""#EXTM3U
#EXT-X-VERSION:9
#EXT-X-MAP:URI="1a2b-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z
#EXT-X-PART:DURATION=0.500000,URI="1a2b-7.0.m4s",INDEPENDENT=YES
#EXTINF:2.000000,
1a2b-7.m4s
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="1a2b-8.0.m4s"
#EXT-X-RENDITION-REPORT:URI="../final_480/media.m3u8",LAST-MSN=7,LAST-PART=3
"""

WITH = b"""#EXTM3U
#EXT-X-VERSION:9
#EXT-X-MAP:URI="1a2b-0.mp4?key=k"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z
#EXT-X-PART:DURATION=0.500000,URI="1a2b-7.0.m4s?key=k",INDEPENDENT=YES
#EXTINF:2.000000,
1a2b-7.m4s?key=k
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="1a2b-8.0.m4s?key=k"
#EXT-X-RENDITION-REPORT:URI="../final_480/media.m3u8?key=k",LAST-MSN=7,LAST-PART=3
"""


def test_every_address_shows_it_and_nothing_else_changes() -> None:
    assert with_query(MEDIA, "key=k") == WITH


def test_without_anything_to_show_nothing_changes() -> None:
    assert with_query(MEDIA, "") is MEDIA


def test_what_stands_there_already_stays() -> None:
    assert with_query(b"a.m3u8?x=1\n", "key=k") == b"a.m3u8?x=1&key=k\n"


@given(st.dictionaries(st.sampled_from(["key", "token", "sig", "start", "_HLS_msn"]), st.text()))
def test_what_was_shown_cannot_break_out_of_an_address(query: dict[str, str]) -> None:
    carried = query_to_carry(query)
    longer = with_query(MEDIA, carried)
    assert longer.count(b"\n") == MEDIA.count(b"\n")
    assert longer.count(b'"') == MEDIA.count(b'"')
    assert re.sub(re.escape(f"?{carried}".encode()), b"", longer) == MEDIA if carried else longer == MEDIA
    assert "start" not in carried
    assert "_HLS_msn" not in carried


def test_a_query_that_is_not_encoded_is_our_fault() -> None:
    with pytest.raises(LocalProtocolError):
        with_query(MEDIA, 'key="\n')
