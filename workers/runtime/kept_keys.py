"""The keys that the issuer of tokens published last, for processes that begin while it is down: a small file
beside the one of bans, which each process that has fetched them writes whole and renames into place.

Only what was read as a public key is in it, as PEM: a document from outside may have anything. What it
belongs to is told by a digest, since the address may have a secret in it. Like bans it lives as long as the
engine.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from engine.access.token_keys import BadKey, TokenKey, key_of_pem, pem_of
from engine.access.trust import NO_KEYS
from engine.config.tree import Access

FILE: Final = "token_keys.json"

MAX_BYTES: Final = 256 * 1024
"""As long as the document may be that they come from; of usual keys a file has at most 64 of 800 bytes."""


class _Kept(msgspec.Struct):
    belongs_to: str
    keys: dict[str, str]


class KeptKeys:
    """Keys of `access.jwt_keys_url`.

    Args:
        folder: private to the engine, on tmpfs; None for a worker that has none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def write(self, access: Access, keys: Mapping[str, TokenKey]) -> None:
        """Put these in the place of those that were there. Raises OSError."""
        kept = _Kept(_name_of(access), {key_id: pem_of(key) for key_id, key in keys.items()})
        text = msgspec.json.encode(kept)
        if self._folder is None or len(text) > MAX_BYTES:
            return
        fresh = self._folder / f"{FILE}.{os.getpid()}"  # of this writer: there are several
        fresh.write_bytes(text)
        os.replace(fresh, self._folder / FILE)

    def read(self, access: Access) -> Mapping[str, TokenKey]:
        """Those that were written last; none if there never were any, or if they are of another issuer."""
        try:
            kept = msgspec.json.decode(self._text(), type=_Kept)
            if not access.jwt_keys_url or kept.belongs_to != _name_of(access):
                return NO_KEYS
            return {key_id: key_of_pem(pem, access.jwt_algorithm) for key_id, pem in kept.keys.items()}
        except (OSError, msgspec.MsgspecError, BadKey):
            return NO_KEYS  # they are a help and no more: whoever has none fetches them

    def _text(self) -> bytes:
        if self._folder is None:
            return b""
        with (self._folder / FILE).open("rb") as file:
            return file.read(MAX_BYTES)


def _name_of(access: Access) -> str:
    return hashlib.sha256(f"{access.jwt_algorithm} {access.jwt_keys_url}".encode()).hexdigest()
