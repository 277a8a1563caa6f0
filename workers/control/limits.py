"""Limits of the control surface, each with its unit and its reason."""

from typing import Final

ASK_TIMEOUT_S: Final = 1.0
"""How long a worker may take to answer a question of the API. It answers in microseconds when it is well; one
that is stopped or overloaded is named in the reply as missing, so that the answer about the others is not
late."""

PAGE_DEFAULT: Final = 100
PAGE_MAX: Final = 100
"""Clients on one page of the API. A client is some 500 bytes on the bus, and with the figures of its SRT link
1,000; packets there have 128 KiB."""

READ_TIMEOUT_S: Final = 30
"""Silence after which a connection that should be sending its request is closed (hypercorn has no limit of
its own). The same silence while we answer is ours, so it must be longer than any answer takes."""

KEEP_ALIVE_S: Final = 15.0
"""Idle time between requests, and the time in which a request's head has to arrive: hypercorn has one limit
for both. Longer than the 10 s or so between polls of a dashboard, shorter than nginx's 75 s of pure
idling."""

REQUEST_S: Final = 15.0
"""From a request's head to the last byte of its answer: against bodies that come a byte a second, and clients
that let an answer wait for room. A scrape takes a tenth of a second, a page of clients ASK_TIMEOUT_S at most,
one client twice that; a body has as long as a head."""

GRACE_S: Final = 3.0
"""How long requests under way may go on once the engine drains."""

HEAD_MAX_BYTES: Final = 16 * 1024
"""Request line and headers; h11's default, Tomcat has 8 KiB, Apache 16."""

BODY_MAX_BYTES: Final = 64 * 1024
"""A ban is some hundred bytes, and nothing else in this API needs a body; what comes is read no further than
this."""

MAX_CONNECTIONS: Final = 128
"""On one listener at a time; each costs some 50 KB, which strangers take for nothing as well. Dashboards and
scrapers are a dozen."""

WRITE_TIMEOUT_S: Final = 10.0
"""How long a client may take no byte of an answer. nginx's send_timeout is 60 s, meant for the world; this
port is for neighbours."""
