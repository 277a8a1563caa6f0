"""From TOML text and the environment to a Config, or to all the reasons why not.

The environment wins over the file, because it is what changes from one machine to the next.
`FANLIGHT_SECTION__KEY` sets one key. `FANLIGHT_PATHS` takes the tables below `paths`, written as one TOML
inline table, because a pattern does not fit into the name of a variable. Names that begin with FANLIGHT_
but have no double underscore are left alone, unless a key is meant: Kubernetes gives every container
FANLIGHT_SERVICE_HOST and the like as soon as a service is called fanlight.
"""

import tomllib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from engine.config import check
from engine.config.draft import Draft
from engine.config.errors import ConfigError
from engine.config.keys import ENVIRONMENT_PREFIX, ENVIRONMENT_SEPARATOR, KEYS, Key
from engine.config.rules import check_rules
from engine.config.tree import Config

MAX_BYTES: Final = 4 * 1024 * 1024
"""Of a file, and of the configuration as workers are told it at a reload. Full tables of keys to publish and
to play for as many patterns as there may be (32,768 keys) take 3 MB: at a reload 0.4 s of the supervisor's
time, and 60 ms of each worker's, in which its players wait."""

PATHS_VARIABLE: Final = "FANLIGHT_PATHS"
ENVIRONMENT_KEYS: Final[Mapping[str, Key]] = MappingProxyType({k.environment_name: k for k in KEYS.values()})
SINGLE_UNDERSCORED: Final = frozenset(name.replace(ENVIRONMENT_SEPARATOR, "_") for name in ENVIRONMENT_KEYS)
"""What is easily written instead, such as FANLIGHT_RTMP_LISTEN. Kubernetes makes no such names."""

_ENCODER: Final = msgspec.json.Encoder(enc_hook=check.to_text)
_DECODER: Final = msgspec.json.Decoder(Config, dec_hook=check.from_text)


def load(text: str, environ: Mapping[str, str]) -> Config:
    """Read a configuration file's text, with the environment laid over it.

    Empty text and an empty environment give the defaults. Raises ConfigError with every problem found.
    """
    if len(text) > MAX_BYTES:
        raise ConfigError((f"the file has more than {MAX_BYTES} characters, which is all that there may be",))
    draft = Draft()
    draft.take_document(_parse(text))
    _take_environment(draft, environ)
    _refuse(draft.problems)
    config = draft.build()
    _refuse(check_rules(config))
    _check_size(config)
    return config


def encode(config: Config) -> bytes:
    """Write a configuration as JSON for our own workers. Secrets are in it: not for logs, not for the API."""
    return _ENCODER.encode(config)


def decode(data: bytes) -> Config:
    """Read what `encode` wrote."""
    return _DECODER.decode(data)


def _check_size(config: Config) -> None:
    """With an environment, and with what is left out written out, it may be longer than its file."""
    size_bytes = len(encode(config))
    if size_bytes > MAX_BYTES:
        raise ConfigError(
            (f"the whole configuration takes {size_bytes} bytes, and workers are told {MAX_BYTES} at most",)
        )


def _refuse(problems: list[str] | tuple[str, ...]) -> None:
    if problems:
        raise ConfigError(tuple(problems))


def _parse(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # ValueError, not TOMLDecodeError alone: an integer of 5,000 digits leaves the parser as the former.
        raise ConfigError((f"not a TOML file: {error}",)) from None


def _take_environment(draft: Draft, environ: Mapping[str, str]) -> None:
    for name, text in environ.items():
        if name in ENVIRONMENT_KEYS:
            draft.take(ENVIRONMENT_KEYS[name], name, text, strict=False)
        elif name == PATHS_VARIABLE:
            _take_paths(draft, text)
        elif _means_a_key(name):
            draft.problems.append(check.unknown("environment", name, ENVIRONMENT_KEYS))


def _means_a_key(name: str) -> bool:
    """Whether a variable that sets nothing was meant to."""
    return name in SINGLE_UNDERSCORED or (
        name.startswith(ENVIRONMENT_PREFIX) and ENVIRONMENT_SEPARATOR in name
    )


def _take_paths(draft: Draft, text: str) -> None:
    try:
        document = _parse(f"paths = {text}")
    except ConfigError:
        document = {}
    if document.keys() == {"paths"}:
        draft.take_paths(document["paths"], PATHS_VARIABLE)
    else:
        draft.problems.append(
            f"{PATHS_VARIABLE}: not a TOML inline table; write it like"
            ' {"live/*" = {grace_s = 5, gop = {max_gops = 1}}}'
        )
