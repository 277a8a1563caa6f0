"""The rules between the keys that say who may do what."""

from collections.abc import Iterator
from typing import Final

from engine.config.path_settings import PathSettings
from engine.config.tree import Access, Api, Config, Metrics
from engine.config.word_sets import Ways

ASKED_OF_CALLERS: Final = ("open", "signature", "hook")
"""Ways in that the API and the metrics do not have: there is no path to sign, and no stream to judge."""


def ports_are_guarded(config: Config) -> Iterator[str]:
    """The API and the metrics ask who it is wherever others reach them."""
    # An open control API is how strangers end other people's streams (5stackgg/5stack-panel#540).
    for name, section in (("api", config.api), ("metrics", config.metrics)):
        if not section.listen.is_loopback and not asks_for_credentials(section):
            yield (
                f"{name}.listen: {section.listen} can be reached from outside, and nobody is asked who he is;"
                f' set {name}.keys, or {name}.access = ["jwt"], or use a loopback address such as'
                f" 127.0.0.1:{section.listen.port}"
            )
        for way in ASKED_OF_CALLERS:
            if way in section.access and (way != "open" or len(section.keys)):
                yield f'{name}.access: "{way}" cannot be had here; use "key" or "jwt"'


def asks_for_credentials(section: Api | Metrics) -> bool:
    """Whether nobody gets in there without a key or a token."""
    return bool(section.keys) if not section.access else "open" not in section.access


def tokens_can_be_checked(config: Config) -> Iterator[str]:
    """An algorithm has keys of its kind, and no others."""
    access = config.access
    algorithm = access.jwt_algorithm
    if algorithm == "off":
        return
    if algorithm == "HS256":
        if not access.jwt_secrets:
            yield "access.jwt_algorithm: HS256 has no secret to check with; set access.jwt_secrets"
        yield from _strays(access, "HS256", ("jwt_public_keys", "jwt_keys_url"))
    else:
        if not access.jwt_public_keys and not access.jwt_keys_url:
            yield (
                f"access.jwt_algorithm: {algorithm} has no key to check with; set access.jwt_public_keys or"
                " access.jwt_keys_url"
            )
        yield from _strays(access, algorithm, ("jwt_secrets",))
    if access.jwt_keys_url and not access.jwt_keys_url.startswith("https://"):
        yield "access.jwt_keys_url: whoever is on the way could put in his own keys; use an https:// address"


def ways_lead_somewhere(config: Config, settings: PathSettings) -> Iterator[str]:
    """Of one combination of path tables."""
    for name in ("publish", "play"):
        ways: Ways = getattr(settings, f"{name}_access")
        yield from _way_is_open(config.access, f"{name}.{name}_access", ways)


def ways_of_ports_lead_somewhere(config: Config) -> Iterator[str]:
    for name in ("api", "metrics"):
        yield from _way_is_open(config.access, f"{name}.access", getattr(config, name).access)


def proxies_are_known(config: Config) -> Iterator[str]:
    if config.access.proxy_protocol and not config.access.trusted_proxies:
        yield (
            "access.proxy_protocol: nobody is trusted to say whom it speaks for; set access.trusted_proxies"
            " to the addresses of the proxies"
        )


def _way_is_open(access: Access, name: str, ways: Ways) -> Iterator[str]:
    if "signature" in ways and not access.signing_keys:
        yield f'{name}: "signature" needs a key to check with; set access.signing_keys'
    if "jwt" in ways and access.jwt_algorithm == "off":
        yield f'{name}: "jwt" needs an algorithm and keys to check with; set access.jwt_algorithm'


def _strays(access: Access, algorithm: str, names: tuple[str, ...]) -> Iterator[str]:
    """Keys of another algorithm: a sign that the wrong one is set, and tokens would be refused."""
    for name in names:
        if getattr(access, name):
            yield f"access.{name}: these are not for {algorithm}, which access.jwt_algorithm says; drop one"
