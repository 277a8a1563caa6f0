"""Codecs by the words people have for them, as FourCCs."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

CODEC_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "h264": "avc1",
        "h265": "hvc1",
        "hevc": "hvc1",
        "av1": "av01",
        "vp8": "vp08",
        "vp9": "vp09",
        "aac": "mp4a",
        "mp3": ".mp3",
        "opus": "Opus",
        "flac": "fLaC",
        "ac3": "ac-3",
        "eac3": "ec-3",
        "g711a": "alaw",
        "g711u": "ulaw",
    }
)


def codecs_of(text: str) -> frozenset[str]:
    """The FourCCs of words divided by commas ("h264,aac"). Raises KeyError with the word that is none."""
    return frozenset(CODEC_WORDS[word] for word in text.lower().split(",") if word)
