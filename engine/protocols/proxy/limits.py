"""Limits of PROXY headers, with their sections of the specification (HAProxy, "The PROXY protocol", 2020)."""

from typing import Final

MAX_V1_BYTES: Final = 107
"""Section 2.1: the longest line there can be, "PROXY UNKNOWN" with two IPv6 addresses."""

MIN_V1_BYTES: Final = 15
"""The shortest, "PROXY UNKNOWN" with its line end: so much can be read before a line is looked for."""

MAX_V2_BYTES: Final = 4096
"""Section 2.2 allows 65,551, for what a proxy tells of its TLS (a few hundred bytes). AWS adds 100; nginx and
HAProxy send addresses alone."""
