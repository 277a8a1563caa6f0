"""Reads MP4 back by the book (ISO 14496-12), knowing nothing of how we write it."""

import struct
from typing import NamedTuple

CONTAINERS = frozenset({"moov", "trak", "edts", "mdia", "minf", "dinf", "stbl", "mvex", "moof", "traf"})


class Box(NamedTuple):
    """A box: where it begins, its content, and what is in it if it is a container."""

    kind: str
    at: int
    content: bytes
    children: "list[Box]"

    def all(self, path: str) -> "list[Box]":
        """Every box that is found by this path of kinds."""
        first, _, rest = path.partition("/")
        found = [child for child in self.children if child.kind == first]
        return [deeper for child in found for deeper in child.all(rest)] if rest else found

    def one(self, path: str) -> "Box":
        (found,) = self.all(path)
        return found


class Stored(NamedTuple):
    """A sample as a chunk says it is: everything resolved."""

    ticks: int
    duration: int
    flags: int
    offset: int
    data: bytes

    @property
    def key(self) -> bool:
        return not self.flags & 0x10000


class Chunk(NamedTuple):
    """A moof with its mdat: number, and samples by track id."""

    number: int
    tracks: dict[int, list[Stored]]


def read_boxes(data: bytes, at: int = 0) -> list[Box]:
    """Read boxes side by side; their lengths must come out even."""
    boxes, begin = [], 0
    while begin < len(data):
        length, kind = struct.unpack_from(">I4s", data, begin)
        assert 8 <= length <= len(data) - begin
        content = data[begin + 8 : begin + length]
        name = kind.decode("latin-1")
        boxes.append(
            Box(name, at + begin, content, read_boxes(content, at + begin + 8) if name in CONTAINERS else [])
        )
        begin += length
    return boxes


def read_file(data: bytes) -> Box:
    """Read a whole file as one box that holds all others."""
    return Box("file", 0, data, read_boxes(data))


def read_entry(init: bytes, track: int = 0) -> Box:
    """Return the one sample entry of a track; its children are the boxes behind its fixed fields."""
    stsd = read_file(init).all("moov/trak/mdia/minf/stbl/stsd")[track].content
    assert stsd[:8] == bytes(7) + b"\x01"
    (entry,) = read_boxes(stsd[8:])
    video = read_file(init).all("moov/trak/mdia/hdlr")[track].content[8:12] == b"vide"
    return entry._replace(children=read_boxes(entry.content[78 if video else 28 :]))


def read_chunks(data: bytes) -> list[Chunk]:
    """Read every moof, with the bytes that its offsets lead to."""
    file = read_file(data)
    chunks = []
    for moof, mdat in zip(file.all("moof"), file.all("mdat"), strict=True):
        assert mdat.at == moof.at + 8 + len(moof.content)
        number = int.from_bytes(moof.one("mfhd").content[4:], "big")
        tracks = dict(read_traf(traf, data, moof.at) for traf in moof.all("traf"))
        stored = b"".join(sample.data for samples in tracks.values() for sample in samples)
        assert stored == mdat.content
        chunks.append(Chunk(number, tracks))
    return chunks


def read_traf(traf: Box, data: bytes, moof_at: int) -> tuple[int, list[Stored]]:
    """Read a track's part: defaults of tfhd, the time of tfdt, the rows of trun (§8.8.7, §8.8.8, §8.8.12)."""
    tfhd, tfdt, trun = (traf.one(kind).content for kind in ("tfhd", "tfdt", "trun"))
    tfhd_flags, track = struct.unpack_from(">II", tfhd)
    assert tfhd_flags == 0x020020, "offsets from moof and default flags, nothing else"
    (default_flags,) = struct.unpack_from(">I", tfhd, 8)
    assert tfdt[0] == 1
    (ticks,) = struct.unpack_from(">Q", tfdt, 4)
    head, count, offset = struct.unpack_from(">IIi", trun)
    assert head >> 24 == 1
    assert head & 0x305 == 0x301, "data offset, durations and sizes, no flags for the first sample"
    words = 2 + bool(head & 0x400) + bool(head & 0x800)
    assert len(trun) == 12 + 4 * words * count
    at, samples = moof_at + offset, []
    for row in range(count):
        duration, size, *rest = struct.unpack_from(f">{words}I", trun, 12 + 4 * words * row)
        flags = rest.pop(0) if head & 0x400 else default_flags
        composition = struct.unpack(">i", struct.pack(">I", rest.pop(0)))[0] if head & 0x800 else 0
        samples.append(Stored(ticks, duration, flags, composition, data[at : at + size]))
        at, ticks = at + size, ticks + duration
    return track, samples


def read_samples(chunks: bytes) -> dict[int, list[Stored]]:
    """Return all samples of a file by track."""
    samples: dict[int, list[Stored]] = {}
    for chunk in read_chunks(chunks):
        for track, found in chunk.tracks.items():
            samples.setdefault(track, []).extend(found)
    return samples
