"""Secrets that are known elsewhere too: what URLs are signed with, and tokens of HS256. By id, so that the
next one can be in use before the one before it is taken away.

    [access.signing_keys]
    autumn = "..."
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, Self

from engine.config.key_table import ID
from engine.config.secret import MAX_SECRET_CHARACTERS, Secret
from engine.config.tables import read_table

MAX_SECRETS: Final = 16
"""One in use, one to come, one to go, for several who sign."""

MIN_CHARACTERS: Final = 32
"""RFC 7518 section 3.2: a key of HMAC-SHA256 is no shorter than its output. For URLs the same."""


class SharedSecrets:
    """An immutable table of id -> secret. Nothing that formats it, or complains about it, repeats one."""

    __slots__ = ("_secrets",)

    ALLOWED: Final = (
        f"a table of at most {MAX_SECRETS} secrets of {MIN_CHARACTERS} to {MAX_SECRET_CHARACTERS} characters"
        ' each, such as {autumn = "..."}; `fanlight key new --signing` prints a line'
    )

    def __init__(self, secrets: Mapping[str, Secret] = MappingProxyType({})) -> None:
        self._secrets = dict(secrets)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a table, or its text as it stands in the environment; ValueError says what is wrong."""
        table = read_table(value)
        if len(table) > MAX_SECRETS:
            raise ValueError(f"more than {MAX_SECRETS} secrets")
        return cls(dict(_entry(number, *item) for number, item in enumerate(table.items(), 1)))

    def get(self, key_id: str) -> Secret | None:
        """The secret of that id."""
        return self._secrets.get(key_id)

    def __iter__(self) -> Iterator[str]:
        return iter(self._secrets)

    def as_table(self) -> dict[str, str]:
        """What `parse` reads: for the encoder that hands the configuration to our own workers."""
        return {key_id: secret.reveal() for key_id, secret in self._secrets.items()}

    def __len__(self) -> int:
        return len(self._secrets)

    def __eq__(self, other: object) -> bool:
        return self._secrets == other._secrets if isinstance(other, SharedSecrets) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._secrets.items()))

    def __repr__(self) -> str:
        return f"SharedSecrets({len(self)} of ***)"


def _entry(number: int, key_id: str, text: object) -> tuple[str, Secret]:
    if not ID.fullmatch(key_id):
        raise ValueError(f"entry {number}: the id of a secret is 1 to 64 of A-Z a-z 0-9 _ . -")
    if not isinstance(text, str) or len(text.encode()) < MIN_CHARACTERS:
        raise ValueError(f"entry {number}: a secret has at least {MIN_CHARACTERS} characters")
    try:
        return key_id, Secret(text)
    except ValueError as error:
        raise ValueError(f"entry {number}: {error}") from None
