"""Which passphrase an SRT caller has to have: that of a key it shows, or the stream's.

A stream id may show several keys (`key=`, `token=`, a password). The first one that has a passphrase counts,
so that a publish key and a key for encryption may stand side by side.
"""

from typing import Protocol

from engine.access.shown import shown_keys
from engine.config.passphrases import Passphrases
from engine.config.secret import Secret


class HasPassphrases(Protocol):
    """What is needed of a stream's settings."""

    @property
    def srt_passphrase(self) -> Secret: ...

    @property
    def srt_passphrases(self) -> Passphrases: ...


def passphrase_for(settings: HasPassphrases, query: str, nobodys: str) -> str:
    """The passphrase, empty for none. Never raises.

    Where there are keys and nothing for who shows none of them, it is `nobodys`, which our caller makes up
    and tells nobody: who shows no key hears the same as who has the wrong passphrase for one, and learns
    nothing about the keys.
    """
    if not len(settings.srt_passphrases):
        return settings.srt_passphrase.reveal()
    found = settings.srt_passphrases.find(shown_keys(query)) or settings.srt_passphrase
    return found.reveal() or nobodys
