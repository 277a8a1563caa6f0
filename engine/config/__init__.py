"""The configuration: a typed tree, read from TOML and the environment, checked whole, compared on reload.

    load(text, environ) -> Config        all problems at once, as ConfigError
    for_path(config, name)               what holds for one stream
    diff(old, new), apply_hot(old, new)  what a reload may do
    encode, decode                       for the way from the supervisor to its workers

The keys themselves, with a reason for every default, are in `configs/fanlight.toml`.
"""

from engine.config.errors import ConfigError
from engine.config.hook_urls import HookUrls
from engine.config.keys import KEYS, Key
from engine.config.listen import Listen
from engine.config.load import decode, encode, load
from engine.config.passphrases import Passphrases
from engine.config.path_settings import PathSettings, for_path
from engine.config.ports import StreamPorts
from engine.config.programmes import Programmes
from engine.config.reload import Reload, apply_hot, diff
from engine.config.rules import check_rules
from engine.config.secret import Passphrase, Secret
from engine.config.tree import (
    Api,
    Config,
    Fanout,
    Gop,
    Hooks,
    Http,
    Log,
    Metrics,
    Outgoing,
    PathTable,
    Play,
    Publish,
    Ring,
    Rtmp,
    Srt,
    Tls,
    Workers,
)

__all__ = [
    "KEYS",
    "Api",
    "Config",
    "ConfigError",
    "Fanout",
    "Gop",
    "HookUrls",
    "Hooks",
    "Http",
    "Key",
    "Listen",
    "Log",
    "Metrics",
    "Outgoing",
    "Passphrase",
    "Passphrases",
    "PathSettings",
    "PathTable",
    "Play",
    "Programmes",
    "Publish",
    "Reload",
    "Ring",
    "Rtmp",
    "Secret",
    "Srt",
    "StreamPorts",
    "Tls",
    "Workers",
    "apply_hot",
    "check_rules",
    "decode",
    "diff",
    "encode",
    "for_path",
    "load",
]
