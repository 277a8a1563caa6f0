"""Limits of webhooks, each with its unit and its reason."""

from typing import Final

MAX_REPLY_BYTES: Final = 64 * 1024
"""Of a service's answer. A decision is under a kilobyte; more is an error page, or an attempt on our
memory."""

MAX_REASON_CHARACTERS: Final = 200
"""Of a service's words that a refused client hears: a line on an encoder's screen."""

MAX_LIFETIME_S: Final = 30 * 86_400.0
"""The longest life a service may give a session; who means longer means for ever, and says nothing."""

MAX_BITRATE_BPS: Final = 10_000_000_000
"""Above any network that a publisher could come through."""

MAX_PARAM_CHARACTERS: Final = 1024
MAX_USER_AGENT_CHARACTERS: Final = 256
"""Of what a client said, as far as it is told on. Tokens of 500 characters are common."""

MAX_RECORD_BYTES: Final = 256 * 1024
"""One record of the spool. An event is half a kilobyte, part of a snapshot 240 at most; a length beyond this
is damage, and nothing is allocated for it."""

NUMBERS_AT_A_TIME: Final = 10_000
"""Numbers of events in one record: nine bytes each at most. As many as there are may be done with at once: a
sixteenth of the spool is dropped when it is full."""

SNAPSHOT_ENTRIES: Final = 40
"""Sessions or sequence numbers in one record of a snapshot: 6 KiB each at most."""

MAX_RECENT_ENDS: Final = 4096
"""Ends that are remembered, so that what a worker says twice (its confirmation was lost with a sender that
was killed) is not told twice. A worker repeats one batch of at most 16."""

MAX_SEQUENCES: Final = 10_000
"""Names whose last sequence number is remembered; as many streams as may be published at once. What goes when
there are more stands in sequences.py. Names of open sessions and of events that wait come on top; those are
bounded by players, and by the spool."""
