"""Where webhooks go: nowhere, where all of them go, or addresses of their own.

""                                    the addresses of `hooks.url`
"off"                                 nobody is told
"https://a.example/hook https://b/"   these, each of them
"""

from collections.abc import Iterable
from typing import Final, Self

from engine.access.targets import BadUrl, parse_target

OFF: Final = "off"
EXAMPLE: Final = '"https://example.org/hook"'
MAX_URLS: Final = 8
"""Every event is sent to each of them."""
MAX_URL_CHARACTERS: Final = 1024


class HookUrls:
    """Immutable. An address may hold a key in its query, so what formats this gets their number."""

    __slots__ = ("is_off", "urls")

    def __init__(self, urls: Iterable[str] = (), *, is_off: bool = False) -> None:
        """Raise ValueError for what is no address; it says which by number."""
        self.urls = tuple(urls)
        self.is_off = is_off
        if len(self.urls) > MAX_URLS:
            raise ValueError(f"more than {MAX_URLS} addresses")
        for number, url in enumerate(self.urls, 1):
            _check(number, url)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a text, or a list of addresses; ValueError says what is wrong."""
        if isinstance(value, list) and all(isinstance(url, str) for url in value):
            return cls(value)
        if not isinstance(value, str):
            raise ValueError("neither a text nor a list of texts")
        return cls(is_off=True) if value == OFF else cls(value.split())

    def as_text(self) -> str:
        """What `parse` reads: for the encoder that hands the configuration to our own workers."""
        return OFF if self.is_off else " ".join(self.urls)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, HookUrls):
            return NotImplemented
        return (self.urls, self.is_off) == (other.urls, other.is_off)

    def __hash__(self) -> int:
        return hash((self.urls, self.is_off))

    def __repr__(self) -> str:
        return f"HookUrls({OFF if self.is_off else len(self.urls)})"

    __str__ = __repr__


def _check(number: int, url: str) -> None:
    if len(url) > MAX_URL_CHARACTERS:
        raise ValueError(f"address {number}: more than {MAX_URL_CHARACTERS} characters")
    try:
        parse_target(url)
    except BadUrl as error:
        raise ValueError(f"address {number}: {error}") from None
