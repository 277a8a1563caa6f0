"""Every configuration key as a value, read off the tree: so that there is no second list to keep.

From this come the environment names, the error messages, the split into hot and restart, and the tests.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, get_args, get_type_hints

from msgspec import Struct
from msgspec.inspect import (
    CustomType,
    Field,
    FloatType,
    IntType,
    LiteralType,
    Metadata,
    StrType,
    Type,
    type_info,
)
from msgspec.inspect import StructType as StructInfo
from msgspec.structs import replace

from engine.access import allowed
from engine.access.allowed import AllowList
from engine.config import hook_urls, listen, passphrases, ports, programmes, secret
from engine.config.hook_urls import HookUrls
from engine.config.key_limits import KeyLimits
from engine.config.key_table import KeyTable
from engine.config.listen import Listen
from engine.config.networks import Networks
from engine.config.passphrases import Passphrases
from engine.config.ports import StreamPorts
from engine.config.programmes import Programmes
from engine.config.public_keys import PublicKeys
from engine.config.secret import Passphrase
from engine.config.section import Section
from engine.config.shared_secrets import SharedSecrets
from engine.config.tree import FILE_PATTERN, NEEDS_RESTART, Config, PathTable
from engine.config.word_sets import ProxiedPorts, Ways

ENVIRONMENT_PREFIX: Final = "FANLIGHT_"
ENVIRONMENT_SEPARATOR: Final = "__"

SAY_THEMSELVES: Final = (KeyTable, KeyLimits, SharedSecrets, PublicKeys, Networks, Ways, ProxiedPorts)
"""Types whose own `ALLOWED` says what they take."""


class Key(Struct, frozen=True, kw_only=True):
    """One key of one section."""

    section: str
    name: str
    annotation: object
    """What msgspec checks a value against, limits included."""
    default: object
    allowed: str
    """The range or the choices, in words."""
    restart: bool
    """Whether a change needs a restart."""
    per_path: bool
    """Whether a `[paths."pattern"]` table may set it."""

    @property
    def dotted(self) -> str:
        return f"{self.section}.{self.name}"

    @property
    def path_name(self) -> str:
        """What a path's table calls it; see PREFIXED_SECTIONS."""
        return f"{self.section}_{self.name}" if self.section in PREFIXED_SECTIONS else self.name

    @property
    def environment_name(self) -> str:
        return f"{ENVIRONMENT_PREFIX}{self.section}{ENVIRONMENT_SEPARATOR}{self.name}".upper()


def _allowed(info: Type, annotation: object) -> str:
    match info:
        case IntType():
            multiple = f", a multiple of {info.multiple_of}" if info.multiple_of else ""
            return f"a whole number from {info.ge} to {info.le}{multiple}"
        case FloatType():
            return f"a number from {info.ge} to {info.le}"
        case LiteralType():
            # From the annotation, which has the order they were written in; msgspec sorts them.
            return " or ".join(f'"{choice}"' for choice in get_args(annotation))
        case StrType(pattern=pattern) if pattern == FILE_PATTERN:
            return "the path of a file, or an empty text"
        case StrType():
            return f"a text of at most {info.max_length} characters, without spaces"
        case CustomType(cls=cls) if cls is Listen:
            return f'"host:port", such as {listen.EXAMPLES}'
        case CustomType(cls=cls) if cls is StreamPorts:
            return f"a table of at most {ports.MAX_PORTS} ports with a stream each, such as {ports.EXAMPLE}"
        case CustomType(cls=cls) if cls is Passphrases:
            return (
                f"a table of at most {passphrases.MAX_PASSPHRASES} keys with a passphrase of"
                f" {secret.MIN_PASSPHRASE_BYTES} to {secret.MAX_PASSPHRASE_BYTES} characters each,"
                f" such as {passphrases.EXAMPLE}"
            )
        case CustomType(cls=cls) if cls is HookUrls:
            return (
                f"at most {hook_urls.MAX_URLS} addresses with spaces between them, such as"
                f' {hook_urls.EXAMPLE}, or "{hook_urls.OFF}", or an empty text'
            )
        case CustomType(cls=cls) if cls is Programmes:
            most = programmes.MAX_PROGRAMMES
            return f"a table of at most {most} programmes with their renditions, such as {programmes.EXAMPLE}"
        case CustomType(cls=cls) if cls is AllowList:
            most = allowed.MAX_ENTRIES
            return f"a list of at most {most} addresses, networks and names, such as {allowed.EXAMPLE}"
        case CustomType(cls=cls) if cls is Passphrase:
            least, most = secret.MIN_PASSPHRASE_BYTES, secret.MAX_PASSPHRASE_BYTES
            return f"a printable text of {least} to {most} characters, or an empty one"
        case CustomType(cls=cls) if issubclass(cls, SAY_THEMSELVES):
            return cls.ALLOWED
        case CustomType():
            return f"a printable text of at most {secret.MAX_SECRET_CHARACTERS} characters"
        case _:
            return "true or false"


def _key(section: str, field: Field, annotation: object) -> Key:
    info, extra = _unwrapped(field.type)
    key = Key(
        section=section,
        name=field.name,
        annotation=annotation,
        default=field.default,
        allowed=_allowed(info, annotation),
        restart=extra == NEEDS_RESTART,
        per_path=False,
    )
    return replace(key, per_path=section in PATH_SECTIONS and key.path_name in PathTable.__struct_fields__)


def _unwrapped(info: Type) -> tuple[Type, object]:
    return (info.type, info.extra) if isinstance(info, Metadata) else (info, None)


def _sections() -> dict[str, type[Section]]:
    """The sections that are plain tables: all but `paths`."""
    info = type_info(Config)
    assert isinstance(info, StructInfo)
    found = {field.name: field.type for field in info.fields}
    structs = {name: kind.cls for name, kind in found.items() if isinstance(kind, StructInfo)}
    return {name: struct for name, struct in structs.items() if issubclass(struct, Section)}


def _all_keys() -> Iterator[Key]:
    for section, struct in SECTIONS.items():
        info = type_info(struct)
        assert isinstance(info, StructInfo)
        annotations = get_type_hints(struct, include_extras=True)
        for field in info.fields:
            yield _key(section, field, annotations[field.name])


PREFIXED_SECTIONS: Final = frozenset({"srt", "hls", "hooks"})
"""Sections with names too general to stand alone: in a path's table, `latency_ms` is `srt_latency_ms`."""
PATH_SECTIONS: Final = ("publish", "limits", "play", "gop", "fanout", "srt", "hls", "hooks")
"""The sections of which a path may override keys; a test holds that no name occurs in two of them."""
SECTIONS: Final[Mapping[str, type[Section]]] = MappingProxyType(_sections())
KEYS: Final[Mapping[str, Key]] = MappingProxyType({key.dotted: key for key in _all_keys()})
"""By dotted name: `fanout.max_lag_s`."""
PATH_KEYS: Final[Mapping[str, Key]] = MappingProxyType({k.path_name: k for k in KEYS.values() if k.per_path})
"""By name as they stand in a path's table."""
