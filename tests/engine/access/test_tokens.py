"""Tokens: every algorithm, no confusion between them, keys by id, and a memory with a bound."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.api_jws import PyJWS

from engine.access import tokens
from engine.access.token_keys import BadKey, key_of_pem, keys_of_jwks
from engine.access.tokens import BadToken, TokenReader, is_token, subject_id
from engine.access.trust import trust_of, unusable_keys
from engine.config import load
from engine.config.key_limits import ID
from engine.config.tree import JwtAlgorithm
from tests.engine.access.guarded import CLAIMS, ISSUER_SECRET, NOW_S, PRIVATE_KEYS, pem_of, token

ALGORITHMS: tuple[JwtAlgorithm, ...] = ("RS256", "ES256", "EdDSA")


def reader_of(algorithm: JwtAlgorithm, *key_ids: str) -> TokenReader:
    key = key_of_pem(pem_of(PRIVATE_KEYS[algorithm]), algorithm)
    return TokenReader(algorithm, dict.fromkeys(key_ids or ("issuer",), key))


def refusal(reader: TokenReader, text: str, now_s: float = NOW_S) -> str:
    with pytest.raises(BadToken) as caught:
        reader.read(text, now_s)
    return caught.value.reason


def jwk_of(algorithm: str, key_id: str | None, **more: object) -> dict[str, object]:
    kinds: dict[str, Any] = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
    jwk = json.loads(kinds[algorithm].to_jwk(PRIVATE_KEYS[algorithm].public_key()))
    return {**jwk, **({"kid": key_id} if key_id else {}), **more}


def document(*keys: dict[str, object]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_public_keys_check_what_the_issuer_signed(algorithm: JwtAlgorithm) -> None:
    claims = reader_of(algorithm).read(token(PRIVATE_KEYS[algorithm], algorithm), NOW_S)
    assert claims.subject == "viewer-17"
    assert claims.covers("live/cam")
    assert not claims.covers("vod/cam")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_no_token_chooses_its_algorithm(algorithm: JwtAlgorithm) -> None:
    reader = reader_of(algorithm)
    for other in ALGORITHMS:
        if other != algorithm:
            assert refusal(reader, token(PRIVATE_KEYS[other], other)) == "token_wrong"
    assert refusal(reader, token()) == "token_wrong"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_public_key_is_no_secret_to_sign_with(algorithm: JwtAlgorithm) -> None:
    head = {"alg": "HS256", "kid": "issuer", "typ": "JWT"}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, dict(CLAIMS))
    ]
    mac = hmac.digest(pem_of(PRIVATE_KEYS[algorithm]).encode(), b".".join(parts), hashlib.sha256)
    forged = b".".join((*parts, base64.urlsafe_b64encode(mac).rstrip(b"="))).decode()
    assert refusal(reader_of(algorithm), forged) == "token_wrong"


def test_a_token_names_its_key_where_there_are_several() -> None:
    reader, key = reader_of("EdDSA", "old", "new"), PRIVATE_KEYS["EdDSA"]
    assert reader.read(token(key, "EdDSA", kid="new"), NOW_S).subject == "viewer-17"
    assert refusal(reader, token(key, "EdDSA", kid="other")) == "unknown_key_id"
    assert refusal(reader, token(key, "EdDSA", kid=None)) == "unknown_key_id"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": "1900000000"},
        {"exp": -1},
        {"exp": 1e300},
        {"exp": None},
        {"nbf": "soon"},
        {"paths": "live/*"},
        {"paths": [1]},
        {"actions": {"play": True}},
        {"sub": 17},
        {"aud": 1},
    ],
)
def test_claims_of_another_type_are_none(claims: dict[str, object]) -> None:
    reader = TokenReader("HS256", {"issuer": ISSUER_SECRET.encode()})
    text = PyJWS().encode(json.dumps({**CLAIMS, **claims}).encode(), ISSUER_SECRET, headers={"kid": "issuer"})
    assert refusal(reader, text) == "token_wrong"


def test_patterns_that_are_none_open_nothing() -> None:
    reader = TokenReader("HS256", {"issuer": ISSUER_SECRET.encode()})
    claims = reader.read(
        token(paths=["live", "live//x", "live/a b", "a/b/c/d/e", "*" * 300, "live/ok"]), NOW_S
    )
    assert claims.patterns == ("live/ok",)


def test_a_good_token_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, text = reader_of("ES256"), token(PRIVATE_KEYS["ES256"], "ES256")
    first = reader.read(text, NOW_S)
    monkeypatch.setattr(TokenReader, "_check", lambda *_: pytest.fail("checked again"))
    assert reader.read(text, NOW_S + 59) is first
    assert refusal(reader, text, NOW_S + 60) == "token_expired"
    assert len(reader) == 0


def test_no_more_tokens_are_remembered_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_KEPT", 3)
    reader = TokenReader("HS256", {"issuer": ISSUER_SECRET.encode()})
    for number in range(10):
        reader.read(token(sub=f"viewer-{number}"), NOW_S)
    for _ in range(10):
        refusal(reader, token("another secret, which is long enough"))
    assert len(reader) == 3


@given(st.one_of(st.text(), st.from_regex(r"[A-Za-z0-9_-]{1,40}\.[A-Za-z0-9_-]{1,40}\.[A-Za-z0-9_-]{1,40}")))
def test_only_a_bad_token_comes_of_any_text(text: str) -> None:
    if is_token(text):
        assert refusal(reader_of("ES256"), text) == "token_wrong"


HEAD_NAMES = st.one_of(st.text(max_size=5), st.sampled_from(["alg", "kid", "typ", "crit", "b64"]))


@given(st.binary(max_size=80), st.dictionaries(HEAD_NAMES, st.text(max_size=5)))
def test_only_a_bad_token_comes_of_any_head_and_body(body: bytes, head: dict[str, str]) -> None:
    written = json.dumps({"alg": "HS256", "kid": "issuer", **head}).encode()
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=") for part in (written, body)]
    mac = base64.urlsafe_b64encode(hmac.digest(ISSUER_SECRET.encode(), b".".join(parts), hashlib.sha256))
    reader = TokenReader("HS256", {"issuer": ISSUER_SECRET.encode()})
    why = refusal(reader, b".".join((*parts, mac.rstrip(b"="))).decode())
    assert why in {"token_wrong", "unknown_key_id"}


# -- keys that the issuer publishes


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_published_keys_are_those_of_the_algorithm(algorithm: JwtAlgorithm) -> None:
    everything = document(
        *(jwk_of(one, one) for one in ALGORITHMS),
        jwk_of(algorithm, None),
        jwk_of(algorithm, "for encrypting", use="enc"),
        jwk_of(algorithm, "for another", alg="RS512"),
        jwk_of(algorithm, "private", d="AAAA"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
        {"kid": "nothing"},
        {"kty": 5, "kid": []},
    )
    assert list(keys_of_jwks(everything, algorithm)) == [algorithm]


def test_published_keys_check_tokens() -> None:
    published = keys_of_jwks(document(jwk_of("ES256", "2027")), "ES256")
    access = load('[access]\njwt_algorithm = "ES256"\njwt_keys_url = "https://example.org/keys"', {}).access
    reader = trust_of(access, published).tokens
    assert reader is not None
    assert reader.read(token(PRIVATE_KEYS["ES256"], "ES256", kid="2027"), NOW_S).subject == "viewer-17"
    assert refusal(reader, token(PRIVATE_KEYS["ES256"], "ES256", kid="2026")) == "unknown_key_id"


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"keys": {}}', b'{"keys": [1]}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_set_of_keys_is_told(text: bytes) -> None:
    with pytest.raises(BadKey):
        keys_of_jwks(text, "RS256")


@given(
    st.recursive(st.none() | st.text(max_size=8) | st.integers(), lambda inner: st.lists(inner, max_size=3))
)
def test_a_published_key_of_nonsense_is_passed_over(value: object) -> None:
    good = jwk_of("ES256", "good")
    for field in good:
        bad = {**good, field: value, "kid": "bad"} if field != "kid" else {**good, "kid": value}
        found = keys_of_jwks(document(bad, good), "ES256")
        assert "good" in found


def test_configured_keys_are_of_the_right_kind() -> None:
    weak = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)
    other_curve = ec.generate_private_key(ec.SECP384R1())
    for private, algorithm in ((weak, "RS256"), (other_curve, "ES256"), (PRIVATE_KEYS["ES256"], "EdDSA")):
        with pytest.raises(BadKey):
            key_of_pem(pem_of(private), algorithm)  # type: ignore[arg-type]  # the pairs are literals
    with pytest.raises(BadKey):
        key_of_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "RS256")


def test_a_key_of_the_wrong_kind_is_told_and_believes_nobody() -> None:
    pems = "\n".join(f"{name} = '''{pem_of(key)}'''" for name, key in PRIVATE_KEYS.items())
    access = load(f'[access]\njwt_algorithm = "EdDSA"\n[access.jwt_public_keys]\n{pems}', {}).access
    assert unusable_keys(access) == (
        "access.jwt_public_keys.RS256: not a key for EdDSA",
        "access.jwt_public_keys.ES256: not a key for EdDSA",
    )
    reader = trust_of(access).tokens
    assert reader is not None
    assert reader.read(token(PRIVATE_KEYS["EdDSA"], "EdDSA", kid="EdDSA"), NOW_S).subject == "viewer-17"
    assert refusal(reader, token(PRIVATE_KEYS["EdDSA"], "EdDSA", kid="ES256")) == "unknown_key_id"


@pytest.mark.parametrize(
    "subject", ["bob+x@example.com", "Bob Smith", "a" * 65, "zoë", "sub-0123456789abcdef"]
)
def test_who_has_a_strange_name_is_called_by_its_digest(subject: str) -> None:
    """As `printf %s NAME | sha256sum | cut -c1-16` says it."""
    wanted = f"sub-{hashlib.sha256(subject.encode()).hexdigest()[:16]}"
    algorithm: JwtAlgorithm = "EdDSA"
    claims = reader_of(algorithm).read(token(PRIVATE_KEYS[algorithm], algorithm, sub=subject), NOW_S)
    assert claims.subject == wanted
    assert claims.subject != subject


def test_the_digest_is_the_one_that_the_manual_lets_operators_compute() -> None:
    assert subject_id("bob+x@example.com") == "sub-1e7f6d35a0248c59"


@given(st.text(max_size=80))
def test_everybody_who_has_a_name_can_be_banned_and_limited(subject: str) -> None:
    assert (subject_id(subject) == "") == (subject == "")
    assert not subject or ID.fullmatch(subject_id(subject))


def test_half_of_a_surrogate_pair_is_no_subject() -> None:
    claims = json.dumps({**CLAIMS, "sub": "x"}).replace('"x"', '"\\ud800"')
    assert "ud800" in claims
    signed = PyJWS().encode(claims.encode(), PRIVATE_KEYS["EdDSA"], "EdDSA", headers={"kid": "issuer"})
    assert refusal(reader_of("EdDSA"), signed) == "token_wrong"
