"""Signed links: what was signed opens, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access.shown import shown_in_query, shown_in_request
from engine.access.signature import BadSignature, Grant, check_signature, signed_query
from engine.config.networks import address_of
from engine.config.secret import Secret
from engine.config.shared_secrets import SharedSecrets
from engine.protocols.http.target import parse_target

SECRET = Secret("a secret of at least 32 characters")
KEYS = SharedSecrets({"now": SECRET, "other": Secret("another secret of 32 characters, or so")})

segments = st.text(alphabet="abcXYZ019_.-", min_size=1, max_size=12).filter(
    lambda text: text.strip(".") != ""
)
paths = st.lists(segments, min_size=2, max_size=4).map("/".join)
addresses = st.one_of(st.just(""), st.ip_addresses().map(str))
grants = st.builds(
    Grant,
    path=paths,
    expires_s=st.integers(0, 10**12 - 1),
    key_id=st.just("now"),
    action=st.sampled_from(["play", "publish"]),
    address=addresses,
)


def check(grant: Grant, query: str, *, path: str | None = None, now_s: float | None = None) -> str:
    shown = shown_in_query(query)
    return check_signature(
        grant.path if path is None else path,
        grant.action,
        address_of(grant.address) if grant.address else address_of("192.0.2.1"),
        shown.signature,
        KEYS,
        grant.expires_s - 1 if now_s is None else now_s,
    )


@given(grants)
def test_what_was_signed_opens_until_it_expires(grant: Grant) -> None:
    query = signed_query(grant, SECRET)
    assert check(grant, query) == "now"
    with pytest.raises(BadSignature) as caught:
        check(grant, query, now_s=grant.expires_s)
    assert caught.value.reason == "signature_expired"


@given(grants)
def test_it_is_the_same_in_every_protocol(grant: Grant) -> None:
    query = signed_query(grant, SECRET)
    _, decoded = parse_target(f"/{grant.path}.flv?{query}".encode())
    assert shown_in_request(decoded, None).signature == shown_in_query(f"cam?{query}").signature


@given(grants, paths)
def test_it_opens_no_other_stream(grant: Grant, path: str) -> None:
    if path == grant.path:
        return
    with pytest.raises(BadSignature) as caught:
        check(grant, signed_query(grant, SECRET), path=path)
    assert caught.value.reason == "signature_wrong"


@given(grants, st.data())
def test_no_character_of_it_can_be_changed(grant: Grant, data: st.DataObject) -> None:
    query = signed_query(grant, SECRET)
    at = data.draw(st.integers(0, len(query) - 2))  # of the last one two bits mean nothing
    other = data.draw(st.sampled_from("abcdefXYZ0189-_&=%"))
    changed = query[:at] + other + query[at + 1 :]
    if shown_in_query(changed).signature == shown_in_query(query).signature:
        return
    with pytest.raises(BadSignature):
        check(grant, changed)


@given(grants)
def test_another_key_signs_another_signature(grant: Grant) -> None:
    query = signed_query(grant, Secret("another secret of 32 characters, or so"))
    with pytest.raises(BadSignature) as caught:
        check(grant, query)
    assert caught.value.reason == "signature_wrong"


@given(st.dictionaries(st.sampled_from(["exp", "kid", "act", "ip"]), st.text()), st.text())
def test_whatever_is_shown_only_a_bad_signature_comes_of_it(fields: dict[str, str], sig: str) -> None:
    with pytest.raises(BadSignature):
        check_signature("live/cam", "play", None, (*fields.items(), ("sig", sig)), KEYS, 0)


def test_a_field_cannot_run_into_the_next() -> None:
    fields = (("exp", "60"), ("kid", "now"), ("ip", "1.2.3.4\nx"), ("sig", "x"))
    with pytest.raises(BadSignature) as caught:
        check_signature("live/cam", "play", None, fields, KEYS, 0)
    assert caught.value.reason == "signature_wrong"


def test_a_link_says_no_more_than_it_has_to() -> None:
    grant = Grant(path="live/cam", expires_s=1_800_000_000, key_id="now")
    query = signed_query(grant, SECRET)
    assert query == "exp=1800000000&kid=now&sig=" + query[-43:]
