"""Limits of the media path: how far time may jump, how large headers may be, how patient start points are."""

from typing import Final

DAY_MS: Final = 24 * 3600 * 1000
KIB: Final = 1024

# Interleaving as encoders and muxers send it stays below half a second; nginx-rtmp, too, warns from 1000 ms
# on.
MAX_BACKWARDS_MS: Final = 1_000
# A publisher may freeze for its idle limit (5 s) and go on in its own time; players' buffers bridge hardly
# more.
MAX_AHEAD_MS: Final = 10_000
# FLV's signed milliseconds end after 24.86 days. A new epoch waits half a day at most for a start point.
EPOCH_SOFT_MS: Final = 24 * DAY_MS
EPOCH_HARD_MS: Final = EPOCH_SOFT_MS + DAY_MS // 2
# A new epoch does not start at 0, so that a track that trails by the interleave is not pushed below it.
EPOCH_START_MS: Final = MAX_BACKWARDS_MS

# The directory's area for the headers of one stream, all tags together. An encoder's come to 3 KiB or less; a
# hostile publisher gets no more than this either.
MAX_BLOB_BYTES: Final = 256 * KIB

# Both tracks of a publisher that has video show up within this time; and audio starts are this far apart.
AUDIO_START_MS: Final = 1_000
# Video that is announced or was there may be silent for so long (slides, a frozen capture) before audio
# leads.
VIDEO_GONE_MS: Final = 10_000
