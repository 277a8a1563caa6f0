"""What one decision costs: a fanout worker decides for every player, and for every part of an HLS player."""

import time
from collections.abc import Callable

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.micro.clock import Step
from engine.access.shown import shown_in_query
from engine.access.signature import Grant, signed_query
from engine.config import load
from engine.config.key_table import MAX_KEYS, hash_line
from engine.config.secret import Secret, digest
from workers.runtime.gate import Gate

NAME = "live/cam"
HOST = "192.0.2.7"
SIGNING = "a secret that signs links, 32 or more"
NETWORKS = ", ".join(f'"10.{second}.0.0/16"' for second in range(200))


def access_steps() -> list[Step]:
    """Each from the query as it came to the verdict, against as many keys and networks as there may be."""
    private = ec.generate_private_key(ec.SECP256R1())
    expires_s = int(time.time()) + 86_400
    gate = Gate(load(_configuration(private), {}))
    link = signed_query(Grant(path=NAME, expires_s=expires_s, key_id="now"), Secret(SIGNING))
    claims = {"exp": expires_s, "paths": ["live/*"]}
    token = jwt.encode(claims, private, "ES256", headers={"kid": "issuer"})
    open_gate = Gate(load("", {}))
    return [
        Step("decide: open", _asking(open_gate, "")),
        Step("decide: the last of 64 keys", _asking(gate, f"key=key-{MAX_KEYS - 1}")),
        Step("decide: a wrong key against 64", _asking(gate, "key=wrong")),
        Step("decide: a signed link", _asking(gate, link)),
        Step("decide: a token seen before", _asking(gate, f"token={token}")),
        Step("decide: a tampered token (ES256)", _asking(gate, f"token={token[:-4]}AAAA")),
    ]


def _asking(gate: Gate, query: str) -> Callable[[], object]:
    return lambda: gate.judge_now("play", NAME, HOST, shown_in_query(query))


def _configuration(private: ec.EllipticCurvePrivateKey) -> str:
    keys = ", ".join(f'k{n} = "{hash_line(digest(f"key-{n}"), None)}"' for n in range(MAX_KEYS))
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return f"""
        [access]
        signing_keys = {{now = "{SIGNING}"}}
        jwt_algorithm = "ES256"
        jwt_public_keys = {{issuer = '''{pem}'''}}
        [play]
        play_access = ["key", "signature", "jwt"]
        play_keys = {{{keys}}}
        play_deny = [{NETWORKS}]
        """
