"""The directory: stream name -> ring slot, state, epoch, owner, codec headers, statistics. The rooms behind
this door:

directory_record.py (what a slot says), directory_writer.py (its owner), directory_reader.py (everybody else).
"""

from shm.directory_reader import Directory
from shm.directory_record import StreamRecord, StreamState, StreamStats
from shm.directory_writer import DirectoryWriter
from shm.layout import HEADERS_MAX

__all__ = ["HEADERS_MAX", "Directory", "DirectoryWriter", "StreamRecord", "StreamState", "StreamStats"]
