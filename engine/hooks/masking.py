"""What clients put behind the question mark, without the secrets that are usual there."""

from typing import Final

MASK: Final = "***"
SECRET_PARAMETERS: Final = frozenset(
    {
        "access_token",
        "auth",
        "authorization",
        "credential",
        "jwt",
        "key",
        "pass",
        "passphrase",
        "passwd",
        "password",
        "pw",
        "pwd",
        "secret",
        "sig",
        "sign",
        "signature",
        "streamkey",
        "stream_key",
        "token",
        "txsecret",
        "auth_key",
    }
)
"""Names under which streaming services and CDNs carry keys, tokens and signatures; lower case."""


def masked(query: str) -> str:
    """The query with three stars for each secret.

    A parameter without a name may be the key itself (`cam?s3cret`), so it goes too.
    """
    return "&".join(_masked_one(parameter) for parameter in query.split("&")) if query else ""


def _masked_one(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    if not equals:
        return MASK if parameter else ""
    return f"{name}={MASK}" if name.lower() in SECRET_PARAMETERS else parameter
