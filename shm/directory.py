"""The directory: stream name -> ring slot, state, epoch, owner, codec headers, statistics. The rooms behind
this door:

directory_record.py and directory_link.py (what a slot says), directory_writer.py (its owner),
directory_reader.py (everybody else).
"""

from shm.directory_link import LinkEncryption, LinkStats
from shm.directory_reader import Directory
from shm.directory_record import StreamRecord, StreamState, StreamStats
from shm.directory_writer import DirectoryWriter
from shm.layout import HEADERS_MAX

__all__ = [
    "HEADERS_MAX",
    "Directory",
    "DirectoryWriter",
    "LinkEncryption",
    "LinkStats",
    "StreamRecord",
    "StreamState",
    "StreamStats",
]
