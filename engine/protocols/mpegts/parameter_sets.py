"""The parameter sets of a video track, and the FLV codec header that they make.

They come in the stream, in front of keyframes as a rule, again and again. Here they are taken out of it: what
is new makes a new codec header, what is known is left out, so that a player hears of a change exactly once.

A new VPS or SPS starts over with what its access unit brings (what it does not bring is kept), so that
nothing of an encoder that has gone lingers. A new PPS replaces the one with its number, or is added.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from engine.media.bits import BadConfig, BitReader, unescape
from engine.protocols.mpegts.limits import MAX_PARAMETER_SET_BYTES, MAX_PARAMETER_SETS
from engine.protocols.mpegts.statistics import TsStats

Found: TypeAlias = tuple[int, bytes]
SetsByKind: TypeAlias = dict[int, list[bytes]]


class ParameterSets:
    """Parameter sets by NAL unit type; the last type is that of picture parameter sets.

    `config` is the codec header's record, None until there is one of each type.
    """

    def __init__(
        self,
        kinds: Sequence[int],
        nal_header_bytes: int,
        encode: Callable[[SetsByKind], bytes],
        stats: TsStats,
    ) -> None:
        self._held: SetsByKind = {kind: [] for kind in kinds}
        self._picture_kind = kinds[-1]
        self._nal_header_bytes = nal_header_bytes
        self._encode = encode
        self._stats = stats
        self.config: bytes | None = None

    def take(self, found: list[Found]) -> None:
        """Take the parameter sets of one access unit, in order: (NAL unit type, NAL unit)."""
        new = [(kind, nal) for kind, nal in found if nal not in self._held[kind]]
        if not new:
            return
        if all(kind == self._picture_kind for kind, _ in new):
            held = {**self._held, self._picture_kind: self._merge_pictures(new)}
        else:
            fresh = self._collect(found)
            held = {kind: fresh[kind] or before for kind, before in self._held.items()}
        if held != self._held:
            self._held = held
            self._make_config()

    def _collect(self, found: list[Found]) -> SetsByKind:
        """Sort by type, each set once, nothing beyond the limits."""
        sets: SetsByKind = {kind: [] for kind in self._held}
        for kind, nal in found:
            if self._fits(nal) and nal not in sets[kind] and len(sets[kind]) < MAX_PARAMETER_SETS:
                sets[kind].append(nal)
        return sets

    def _merge_pictures(self, new: list[Found]) -> list[bytes]:
        by_id = {self._picture_id(nal): nal for nal in self._held[self._picture_kind]}
        by_id.update((self._picture_id(nal), nal) for _, nal in new if self._fits(nal))
        return list(by_id.values())[-MAX_PARAMETER_SETS:]

    def _fits(self, nal: bytes) -> bool:
        fits = len(nal) <= MAX_PARAMETER_SET_BYTES
        self._stats.bad_units += not fits
        return fits

    def _picture_id(self, nal: bytes) -> int:
        """Read pic_parameter_set_id, the first field of a PPS (H.264 §7.3.2.2, H.265 §7.3.2.3)."""
        try:
            return BitReader(unescape(nal[self._nal_header_bytes :][:8])).ue()
        except BadConfig:
            return -1

    def _make_config(self) -> None:
        self.config = None
        if all(self._held.values()):
            try:
                self.config = self._encode(self._held)
            except BadConfig:
                self._stats.bad_units += 1
