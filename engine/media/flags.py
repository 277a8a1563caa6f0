"""Flags of a tag in the ring's index.

The same numbers stand in shm/ring.py: the two storeys do not know each other, so a house test compares them.
"""

from typing import Final

START: Final = 1  # a player may begin here: a keyframe, or in a stream without video an audio tag
KEYFRAME: Final = 2  # a coded video frame that needs no other (of any track)
HEADER: Final = 4  # codec configuration, colour information or channel layout; no media
METADATA: Final = 8  # onMetaData
REPAIRED: Final = 16  # its timestamp is not the publisher's own
NEW_EPOCH: Final = 32  # time restarts near 0 with it; for ingest, readers go by the entry's epoch
