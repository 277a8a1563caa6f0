"""Bounds on what a client may do with one HTTP/2 connection.

Most are rates: so many at once, and so many a second from then on. A client that goes beyond one of them is
sent away with ENHANCE_YOUR_CALM (RFC 9113 section 7), for what it does costs us more than it costs the
client. The attacks have names: Netflix's eight of 2019 (CVE-2019-9511 to 9518), rapid reset
(CVE-2023-44487), the CONTINUATION flood (CVE-2024-27316), and the reset that the client makes us send
(CVE-2025-8671).
"""

from typing import Final, NamedTuple

KIB: Final = 1024


class Rate(NamedTuple):
    """At most `burst` at once, and `per_s` every second in the long run."""

    burst: int
    per_s: float


#: Streams open at one time. RFC 9113 section 6.5.2 advises 100 at least, and it is what browsers assume
#: until they have been told; nginx has 128, Apache 100.
MAX_STREAMS: Final = 100

#: Payload of one frame either way. RFC 9113 section 4.2 lets nobody ask for less.
MAX_FRAME_BYTES: Final = 16 * KIB

#: A request's fields with their names, 32 bytes more for each, as RFC 9113 section 6.5.2 counts them. Twice
#: what a head may have, so that one a little too large gets its 431; a compressed bomb ends the connection.
MAX_HEADER_LIST_BYTES: Final = 32 * KIB

#: CONTINUATION frames behind one HEADERS frame: the largest head needs two. nghttp2 allows 8.
MAX_CONTINUATIONS: Final = 8

#: What the encoder remembers of our answers for this client, whatever larger table it offers (RFC 7541
#: section 4.2): the default of the RFC.
MAX_ENCODER_TABLE_BYTES: Final = 4 * KIB

#: Ended streams that are remembered, so that a late frame is told from a wrong one. h2's own bound is 65,536,
#: megabytes on a connection that a cache in front of us keeps for days.
MAX_CLOSED_STREAMS: Final = 512

#: Requests taken back, and requests we had to refuse. A page that is closed takes back all it has open, a
#: player that seeks a few; every answer that was finished excuses half of one, for whoever serves many people
#: over one connection. Envoy: half of all requests. nghttp2: 1,000, and 33 a second.
RESETS: Final = Rate(MAX_STREAMS, 10.0)
RESETS_PER_ANSWER: Final = 0.5

#: Changes of settings, and acknowledgements. One at the start is usual, a second one rare.
SETTINGS: Final = Rate(20, 1.0)

#: Pings, and answers to pings, which we send none of. Chromium asks after ten silent seconds, gRPC with each
#: measurement of its bandwidth.
PINGS: Final = Rate(60, 5.0)

#: Room given to us. A simple client gives some for every frame, on stream and connection both; for every KiB
#: sent to it one is free. Who gives a byte at a time gets frames that are all header, and then none.
WINDOW_UPDATES: Final = Rate(1_000, 100.0)
BYTES_PER_WINDOW_UPDATE: Final = KIB

#: Frames of a request's body, which we have no use for. The one that ends a request is free.
BODY_FRAMES: Final = Rate(20, 2.0)

#: Priorities and frames unknown to us, such as browsers send to keep servers tolerant; one is free with every
#: request.
OTHER_FRAMES: Final = Rate(100, 10.0)
