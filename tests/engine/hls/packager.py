"""A packager of marks only, and a player who fetches what the window shows."""

from collections.abc import Iterable, Sequence
from typing import Final

from engine.protocols.hls import (
    InitMade,
    Mark,
    PartEnd,
    PlaylistSettings,
    Renderer,
    Report,
    SegmentBegin,
    SegmentEnd,
    Window,
    decode_mark,
    encode_mark,
    parse_directives,
)
from tests.engine.hls.rules import Fetch

STAMP: Final = "18c0ffee"
START_US: Final = 1_700_000_000_000_000
PART_US: Final = 500_000
PART_BYTES: Final = 62_500  # 1 Mbit/s

LOW_LATENCY: Final = PlaylistSettings(stamp=STAMP, part_target_s=0.588)
LONG: Final = PlaylistSettings(stamp=STAMP, part_target_s=0.588, playlist_segments=12)
PLAIN: Final = PlaylistSettings(stamp=STAMP, variant="fmp4")
TS: Final = PlaylistSettings(stamp=STAMP, variant="ts")


class Packager:
    """Says what a packager would; whatever it says is right as far as the rules go."""

    def __init__(self) -> None:
        self.now_us = START_US
        self.msn = 0
        self.init = -1
        self.parts_us: list[int] = []
        self.seq = 0

    def new_init(self, codecs: str = "avc1.64001f,mp4a.40.2") -> InitMade:
        self.init += 1
        return InitMade(self.init, codecs, 1280, 720, 30_000, True, True)

    def begin(self, *, discontinuity: bool = False, independent: bool = True) -> SegmentBegin:
        self.parts_us = []
        return SegmentBegin(self.msn, self.now_us, self.init, discontinuity, independent)

    def part(self, duration_us: int = PART_US, *, independent: bool | None = None) -> PartEnd:
        number, first = len(self.parts_us), self.seq
        self.parts_us.append(duration_us)
        self.now_us += duration_us
        self.seq += 5
        starts = number == 0 if independent is None else independent
        return PartEnd(self.msn, number, duration_us, starts, PART_BYTES, first, self.seq)

    def end(self, duration_us: int | None = None, *, gap: bool = False) -> SegmentEnd:
        """End the segment; without parts it lasts `duration_us`."""
        if duration_us is None:
            duration_us = sum(self.parts_us)
        else:
            self.now_us += duration_us
        mark = SegmentEnd(self.msn, duration_us, PART_BYTES * duration_us // PART_US, gap)
        self.msn += 1
        return mark

    def segment(self, parts: int = 4) -> list[list[Mark]]:
        """A regular segment, as batches: what is written at once."""
        begin = self.begin()
        batches: list[list[Mark]] = [[self.part()] for _ in range(parts)]
        batches[0].insert(0, begin)
        batches[-1].append(self.end())
        return batches

    def whole(self, duration_us: int = 2_000_000) -> list[Mark]:
        """A segment without parts."""
        return [self.begin(), self.end(duration_us)]


class Player:
    """Folds marks as they travel, and keeps what it fetched, 10 ms after every batch."""

    def __init__(self, settings: PlaylistSettings = LOW_LATENCY) -> None:
        self.window = Window(settings)
        self.renderer = Renderer(settings)
        self.reports: Sequence[Report] = ()
        self.fetches: list[Fetch] = []
        self.at_s = 0.0

    def hear(self, marks: Iterable[Mark]) -> None:
        for mark in marks:
            self.window.apply(decode_mark(encode_mark(mark)))
        self.at_s = round(self.at_s + 0.01, 3)

    def fetch(self, **asked: str) -> str:
        text = self.renderer.render(self.window, parse_directives(asked), self.reports)
        self.fetches.append(Fetch(self.at_s, text, asked))
        return text

    def watch(self, batches: Iterable[Sequence[Mark]], **asked: str) -> None:
        """Fetch after each batch."""
        for batch in batches:
            self.hear(batch)
            self.fetch(**asked)


def broadcast(player: Player, segments: int, packager: Packager | None = None) -> Packager:
    """So many regular segments of four parts, watched part by part."""
    packager = packager or Packager()
    if packager.init < 0:
        player.hear([packager.new_init()])
    for _ in range(segments):
        player.watch(packager.segment())
    return packager
