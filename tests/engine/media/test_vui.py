"""How pictures are shown: read off what x264 and x265 write, and off parameter sets that they never write."""

import subprocess
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.media.avc import parse_avc_vui
from engine.media.hevc import parse_hevc_vui
from engine.media.tags import KIND_VIDEO
from engine.media.vui import NO_VUI, Colour, Vui
from engine.protocols.flv import FlvReader, FlvTag
from tests.engine.media.bit_writer import BitWriter

PICTURE: Final = ("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=0.2")
BT709: Final = Colour(1, 1, 1, full_range=False)
PQ: Final = Colour(9, 16, 9, full_range=True)

SHOWN: Final = {
    "nothing said": ("setsar=0", "", NO_VUI),
    "square": ("setsar=1", "", Vui((1, 1))),
    "wide": ("setsar=16/11", "", Vui((16, 11))),
    "an aspect of no table": ("setsar=7/5", "", Vui((7, 5))),
    "high definition": (
        "setsar=1",
        "colorprim=bt709:transfer=bt709:colormatrix=bt709",
        Vui((1, 1), BT709),
    ),
    "high dynamic range": (
        "setsar=4/3,setparams=range=full",
        "range={full}:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
        Vui((4, 3), PQ),
    ),
}
ENCODERS: Final = {
    "x264": ("libx264", "-x264-params", "bframes=2:ref=4", "pc"),
    "x264 with lists": ("libx264", "-x264-params", "cqm=jvt:bframes=3:b-pyramid=normal", "pc"),
    "x265": ("libx265", "-x265-params", "log-level=none:bframes=4:ref=5", "full"),
    "x265 with lists": (
        "libx265",
        "-x265-params",
        "log-level=none:scaling-list=default:temporal-layers=3",
        "full",
    ),
    "x265 with sets": ("libx265", "-x265-params", "log-level=none:multi-pass-opt-rps=1:bframes=4", "full"),
}


@pytest.mark.parametrize("shape", SHOWN)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_what_encoders_were_told_is_read(encoder: str, shape: str, ffmpeg: Path, tmp_path: Path) -> None:
    codec, option, params, full = ENCODERS[encoder]
    aspect, colour, wanted = SHOWN[shape]
    told = ":".join(filter(None, (params, colour.format(full=full))))
    path = tmp_path / "film.flv"
    arguments: list[str | Path] = [
        *PICTURE,
        "-vf",
        aspect,
        "-c:v",
        codec,
        option,
        told,
        "-pix_fmt",
        "yuv420p",
        path,
    ]
    subprocess.run(
        [ffmpeg, "-v", "error", *arguments], check=True, capture_output=True, timeout=60, cwd=tmp_path
    )
    tags = (tag for tag in FlvReader().receive(path.read_bytes()) if isinstance(tag, FlvTag))
    tag = next(tag for tag in tags if tag.kind == KIND_VIDEO)
    parse = parse_avc_vui if codec == "libx264" else parse_hevc_vui
    read = parse(bytes(tag.body[5:]))
    assert (read.aspect, read.colour or Colour()) == (wanted.aspect, wanted.colour or Colour())


@st.composite
def reference_sets(draw: st.DrawFn) -> BitWriter:
    """num_short_term_ref_pic_sets and what follows it (H.265 §7.3.7)."""
    bits, before = BitWriter(), 0
    count = draw(st.integers(0, 6))
    bits.ue(count)
    for number in range(count):
        if number and draw(st.booleans()):
            bits.u(1, 1).u(1, draw(st.integers(0, 1))).ue(draw(st.integers(0, 3)))
            kept = 0
            for _ in range(before + 1):
                used, other = draw(st.booleans()), draw(st.booleans())
                bits.u(1, used)
                if not used:
                    bits.u(1, other)
                kept += used or other
            before = min(kept, 16)
        else:
            if number:
                bits.u(1, 0)
            sizes = draw(st.integers(0, 3)), draw(st.integers(0, 3))
            bits.ue(sizes[0]).ue(sizes[1])
            for _ in range(sum(sizes)):
                bits.ue(draw(st.integers(0, 5))).u(1, draw(st.integers(0, 1)))
            before = sum(sizes)
    return bits


@st.composite
def parameter_sets(draw: st.DrawFn) -> bytes:
    """Sequence parameter sets of H.265 that say 4:3 and BT.709, whatever else they say."""
    layers = draw(st.integers(0, 6))
    bits = BitWriter().u(4, 0).u(3, layers).u(1, 1).u(96, 0)
    if layers:
        present = [(draw(st.booleans()), draw(st.booleans())) for _ in range(layers)]
        for one, other in present:
            bits.u(1, one).u(1, other)
        bits.u(2 * (8 - layers), 0)
        for one, other in present:
            bits.u(88 * one + 8 * other, 0) if one or other else None
    bits.ue(0).ue(1).ue(320).ue(180).u(1, 0).ue(0).ue(0)
    order_bits = draw(st.integers(0, 12))
    each = draw(st.booleans())
    bits.ue(order_bits).u(1, each)
    for _ in range(3 * (layers + 1 if each else 1) + 6):
        bits.ue(draw(st.integers(0, 4)))
    lists = draw(st.sampled_from([None, False, True]))
    bits.u(1, lists is not None)
    if lists is not None:
        bits.u(1, lists)
    if lists:
        add_scaling_lists(draw, bits)
    bits.u(2, 0)
    pcm = draw(st.booleans())
    bits.u(1, pcm)
    if pcm:
        bits.u(8, 0x77).ue(0).ue(2).u(1, 1)
    bits.bits += draw(reference_sets()).bits
    long_term = draw(st.integers(0, 3))
    bits.u(1, long_term > 0)
    if long_term:
        bits.ue(long_term)
        for _ in range(long_term):
            bits.u(order_bits + 4, 1).u(1, 0)
    bits.u(2, 0).u(1, 1)  # and the usability information
    return bits.u(1, 1).u(8, 14).u(1, 1).u(1, 0).u(1, 1).u(3, 5).u(1, 0).u(1, 1).u(24, 0x010101).bytes()


def add_scaling_lists(draw: st.DrawFn, bits: BitWriter) -> None:
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            told = draw(st.booleans())
            bits.u(1, told)
            if not told:
                bits.ue(0)
                continue
            for _ in range((size > 1) + min(64, 1 << 4 + 2 * size)):
                bits.se(draw(st.integers(-2, 2)))


def record_of(sps: bytes) -> bytes:
    """An HEVC record with this set, emulation prevention bytes where they must be."""
    nal = b"\x42\x01" + escape(sps)
    head = bytes.fromhex("0101600000009000000000005df000fcfdf8f800000f01a10001")
    return head + len(nal).to_bytes(2, "big") + nal


def escape(data: bytes) -> bytes:
    """H.265 §7.4.2."""
    out, zeros = bytearray(), 0
    for byte in data:
        if zeros == 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


@given(parameter_sets())
def test_it_is_found_behind_whatever_a_set_says_before(sps: bytes) -> None:
    assert parse_hevc_vui(record_of(sps)) == Vui((4, 3), BT709)


@given(parameter_sets(), st.integers(0, 400))
def test_half_a_set_says_nothing(sps: bytes, length: int) -> None:
    read = parse_hevc_vui(record_of(sps[: min(length, len(sps) - 8)]))
    assert read in (NO_VUI, Vui((4, 3), BT709))


@given(st.binary(max_size=200))
def test_garbage_says_nothing_and_raises_nothing(data: bytes) -> None:
    assert isinstance(parse_avc_vui(data), Vui)
    assert isinstance(parse_hevc_vui(data), Vui)
    assert isinstance(parse_hevc_vui(record_of(data)), Vui)
