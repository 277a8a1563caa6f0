"""The plan of the house as tables: which part may import which, and what it may use from outside.

CONTRIBUTING.md shows `FLOORS` to people; a test keeps the two equal.
"""

from typing import Final

ROLES: Final = ("supervisor", "ingest", "fanout", "packager", "control")

# Part of the house -> the other parts it may import. A part is the longest prefix of a module's name.
# Sibling roles are missing on purpose: they meet in shared memory and on the bus.
FLOORS: Final[dict[str, tuple[str, ...]]] = {
    "shm": (),
    "engine": (),
    "workers.runtime": ("engine", "shm", "workers"),
    **{f"workers.{role}": ("engine", "shm", "workers", "workers.runtime") for role in ROLES},
    "workers.commands": (
        "engine",
        "shm",
        "workers",
        "workers.runtime",
        *(f"workers.{role}" for role in ROLES),
    ),
    "workers.cli": (
        "engine",
        "shm",
        "workers",
        "workers.runtime",
        "workers.commands",
        *(f"workers.{role}" for role in ROLES),
    ),
    "workers": (),
    "monitoring": ("engine",),
}

# Part of the house -> libraries from outside that it may use, beside the standard library.
LIBRARIES: Final[dict[str, tuple[str, ...]]] = {
    "shm": (),
    "engine": ("msgspec",),
    "engine.access": (
        "cryptography",
        "cryptography.exceptions",
        "cryptography.hazmat.primitives.asymmetric.ec",
        "cryptography.hazmat.primitives.asymmetric.ed25519",
        "cryptography.hazmat.primitives.asymmetric.rsa",
        "cryptography.hazmat.primitives.serialization",
        "jwt",
        "jwt.algorithms",
        "jwt.api_jws",
        "jwt.exceptions",
        "msgspec",
    ),
    "engine.protocols.http": ("httptools", "msgspec"),
    "engine.protocols.http2": (
        "h2",
        "h2.config",
        "h2.connection",
        "h2.events",
        "h2.exceptions",
        "h2.settings",
        "hpack",
        "msgspec",
    ),
    # Its modules by name, since they look around while they are imported, and only then.
    "engine.protocols.srt": (
        "cryptography",
        "cryptography.exceptions",
        "cryptography.hazmat.primitives.ciphers",
        "cryptography.hazmat.primitives.ciphers.aead",
        "cryptography.hazmat.primitives.keywrap",
        "msgspec",
    ),
    "engine.protocols.websocket": ("msgspec", "wsproto"),
    "engine.tls": (
        "cryptography",
        "cryptography.exceptions",
        "cryptography.hazmat.primitives.serialization",
        "cryptography.x509",
        "msgspec",
    ),
    "workers.runtime": ("httpcore", "msgspec", "prometheus_client", "structlog", "trio"),
    # Plain and small: no event loop in the process that has to outlive all others.
    "workers.supervisor": ("msgspec", "multiprocess", "structlog"),
    "workers.ingest": ("msgspec", "structlog", "trio"),
    "workers.fanout": ("msgspec", "structlog", "trio"),
    "workers.packager": ("msgspec", "structlog", "trio"),
    "workers.control": ("hypercorn", "litestar", "msgspec", "prometheus_client", "structlog", "trio"),
    "workers.commands": ("av", "httpx", "msgspec", "rich", "structlog"),
    "workers.cli": ("msgspec", "rich", "structlog"),
    "workers": (),
    "monitoring": (),
}

# What the engine may use of the standard library: values and arithmetic, nothing that waits or looks around.
PURE_STDLIB: Final = frozenset(
    {
        "abc",
        "array",
        "base64",
        "binascii",
        "bisect",
        "collections",
        "contextlib",
        "copy",
        "dataclasses",
        "difflib",
        "enum",
        "fnmatch",
        "fractions",
        "functools",
        "hashlib",
        "heapq",
        "hmac",
        "http",
        "ipaddress",
        "itertools",
        "json",
        "math",
        "operator",
        "re",
        "string",
        "struct",
        "tomllib",
        "types",
        "typing",
        "urllib.parse",
        "zlib",
    }
)

# Builtins through which the engine would touch the world, or run what it was not written to run.
IMPURE_BUILTINS: Final = frozenset(
    {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint"}
)

# Modules that refuse to be imported while the engine is: if one is needed somewhere below, this shows it.
POISON: Final = (
    "asyncio",
    "concurrent.futures",
    "http.client",
    "http.server",
    "logging",
    "multiprocess",
    "multiprocessing",
    "os",
    "random",
    "secrets",
    "select",
    "selectors",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "trio",
    "urllib.request",
)


def part_of(name: str, parts: dict[str, tuple[str, ...]]) -> str | None:
    """Name the part of the house that a module belongs to: the longest key that is a prefix of its name."""
    pieces = name.split(".")
    prefixes = (".".join(pieces[:end]) for end in range(len(pieces), 0, -1))
    return next((prefix for prefix in prefixes if prefix in parts), None)


def floor_rows() -> list[str]:
    """Print FLOORS as the rows of a Markdown table, as CONTRIBUTING.md shows them."""
    rows = []
    for part, allowed in FLOORS.items():
        names = ", ".join(f"`{name}`" for name in allowed) or "nothing"
        rows.append(f"| `{part}` | {names} |")
    return rows
