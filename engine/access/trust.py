"""What credentials are checked with, for all streams alike: signing keys and the reader of tokens."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from engine.access.token_keys import BadKey, TokenKey, key_of_pem
from engine.access.tokens import TokenReader
from engine.config.shared_secrets import SharedSecrets
from engine.config.tree import Access

NO_KEYS: Final[Mapping[str, TokenKey]] = MappingProxyType({})


class Trust(Struct, frozen=True):
    """Made anew with each configuration, and whenever the issuer's published keys have changed."""

    signing_keys: SharedSecrets = SharedSecrets()
    tokens: TokenReader | None = None
    """None: no token is believed."""
    has_proxies: bool = False
    """Whether somebody is trusted to say on whose behalf he asks."""


def trust_of(access: Access, published: Mapping[str, TokenKey] = NO_KEYS) -> Trust:
    """What `[access]` makes, with keys that its issuer publishes. Configured keys win over published ones."""
    has_proxies = bool(access.trusted_proxies)
    if access.jwt_algorithm == "off":
        return Trust(access.signing_keys, has_proxies=has_proxies)
    reader = TokenReader(
        access.jwt_algorithm,
        {**published, **_configured_keys(access)},
        issuer=access.jwt_issuer,
        audience=access.jwt_audience,
        leeway_s=access.jwt_leeway_s,
    )
    return Trust(access.signing_keys, reader, has_proxies)


def unusable_keys(access: Access) -> tuple[str, ...]:
    """A sentence for each public key in the configuration that no token can be checked with."""
    problems = []
    for key_id, pem in access.jwt_public_keys.items():
        try:
            key_of_pem(pem, access.jwt_algorithm)
        except BadKey as error:
            problems.append(f"access.jwt_public_keys.{key_id}: {error}")
    return tuple(problems)


def _configured_keys(access: Access) -> dict[str, TokenKey]:
    """Those that can be used: what others are is told when the configuration is read."""
    if access.jwt_algorithm == "HS256":
        return {name: secret.encode() for name, secret in access.jwt_secrets.as_table().items()}
    keys = {}
    for key_id, pem in access.jwt_public_keys.items():
        try:
            keys[key_id] = key_of_pem(pem, access.jwt_algorithm)
        except BadKey:
            continue
    return keys
