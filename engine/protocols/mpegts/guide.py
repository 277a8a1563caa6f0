"""Which programme is read.

A stream may carry several. The first whose map arrives with a track that we know is taken and kept, until the
PAT no longer lists it or its map has no such track any more; then the next such map is. So it does not matter
that the maps of other programmes come late or never.

A table is sent ten times a second. One that is byte for byte the last one is passed over before its checksum
is computed.
"""

from engine.protocols.mpegts.limits import MAX_PROGRAMMES
from engine.protocols.mpegts.packets import PAT_PID
from engine.protocols.mpegts.sections import PAT_ID, PMT_ID, Section, parse_section
from engine.protocols.mpegts.statistics import TsStats
from engine.protocols.mpegts.tables import ProgrammeMap, parse_pat, parse_pmt


class Guide:
    """Sections in, the programme to read out. `number` is None while there is none; `pids` are where tables
    are to be looked for."""

    def __init__(self, stats: TsStats) -> None:
        self._stats = stats
        self._programmes: dict[int, int] = {}
        self._parts: dict[int, dict[int, int]] = {}  # sections of the PAT that is coming in
        self._version = -1
        self._seen: dict[tuple[int, int], bytes] = {}  # newest section by PID and number
        self.number: int | None = None
        self.map: ProgrammeMap | None = None

    @property
    def pids(self) -> set[int]:
        """PAT, and the maps of the programme that is read, or of all while none is."""
        if self.number is not None:
            return {PAT_PID, self._programmes[self.number]}
        return {PAT_PID, *self._programmes.values()}

    def take(self, pid: int, raw: bytes) -> bool:
        """Take a section; say whether the programme, its tracks or the PIDs to watch have changed."""
        key = (pid, raw[6] if pid == PAT_PID and len(raw) > 6 else 0)
        if self._seen.get(key) == raw:
            return False
        section = parse_section(raw)
        if section is None:
            self._stats.bad_tables += 1
            return False
        if section.number < 0:
            return False
        if pid == PAT_PID:
            changed = section.table_id == PAT_ID and self._take_pat(section)
        else:
            changed = section.table_id == PMT_ID and self._take_pmt(pid, section)
        self._seen[key] = raw
        return changed

    def _take_pat(self, section: Section) -> bool:
        """Collect the sections of one edition; once it is complete, it holds."""
        if section.version != self._version:
            self._version, self._parts = section.version, {}
        self._parts[section.number] = parse_pat(section.body)
        if not all(number in self._parts for number in range(section.last_number + 1)):
            return False
        listed = [entry for number in sorted(self._parts) for entry in self._parts[number].items()]
        return self._list_programmes(dict(listed[:MAX_PROGRAMMES]))

    def _list_programmes(self, programmes: dict[int, int]) -> bool:
        if programmes == self._programmes:
            return False
        self._stats.tables += 1
        kept = self.number
        if kept is not None and self._programmes[kept] != programmes.get(kept):
            self.number = self.map = None
        self._programmes = programmes
        self._seen.clear()
        return True

    def _take_pmt(self, pid: int, section: Section) -> bool:
        number = section.extension
        if self._programmes.get(number) != pid or self.number not in (None, number):
            return False
        read = parse_pmt(section.body)
        if read is None:
            self._stats.bad_tables += 1
            return False
        if not any(stream.codec for stream in read.streams):
            return self._leave() if number == self.number else False
        self._stats.tables += 1
        changed = self.number != number or self.map != read
        self.number, self.map = number, read
        return changed

    def _leave(self) -> bool:
        """The programme has nothing for us any more: look at all maps again."""
        self.number = self.map = None
        self._seen.clear()
        return True
