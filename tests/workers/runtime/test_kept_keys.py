"""The issuer's last keys, for a process that begins while it is down: those of this issuer, or none."""

from pathlib import Path

import pytest

from engine.access.token_keys import BadKey, keys_of_jwks, pem_of
from engine.config import load
from engine.config.tree import Access, JwtAlgorithm
from tests.engine.access.test_tokens import ALGORITHMS, document, jwk_of
from workers.runtime.kept_keys import FILE, MAX_BYTES, KeptKeys

URL = "https://example.org/keys?secret=yes"


def access_to(algorithm: JwtAlgorithm, url: str = URL) -> Access:
    return load(f'[access]\njwt_algorithm = "{algorithm}"\njwt_keys_url = "{url}"', {}).access


def kept_in(folder: Path, algorithm: JwtAlgorithm = "ES256") -> KeptKeys:
    kept = KeptKeys(folder)
    kept.write(access_to(algorithm), keys_of_jwks(document(jwk_of(algorithm, "first")), algorithm))
    return kept


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_public_keys_of_all_kinds_come_back(algorithm: JwtAlgorithm, tmp_path: Path) -> None:
    (key_id, key), *_ = kept_in(tmp_path, algorithm).read(access_to(algorithm)).items()
    ((wanted_id, wanted),) = keys_of_jwks(document(jwk_of(algorithm, "first")), algorithm).items()
    assert (key_id, pem_of(key)) == (wanted_id, pem_of(wanted))


def test_keys_of_another_issuer_or_algorithm_are_none(tmp_path: Path) -> None:
    kept = kept_in(tmp_path)
    assert not kept.read(access_to("ES256", "https://example.net/keys"))
    assert not kept.read(access_to("RS256"))
    assert not kept.read(Access())


def test_the_address_of_the_issuer_is_not_in_the_file(tmp_path: Path) -> None:
    kept_in(tmp_path)
    text = (tmp_path / FILE).read_text()
    assert "example.org" not in text
    assert "secret" not in text


def test_a_secret_is_never_kept(tmp_path: Path) -> None:
    with pytest.raises(BadKey):
        KeptKeys(tmp_path).write(access_to("ES256"), {"shared": b"a secret"})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", [b"", b"{", b'{"belongs_to":"","keys":{}}', b"[" * 1000])
def test_a_file_that_nobody_can_read_is_none(text: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(text)
    assert not KeptKeys(tmp_path).read(access_to("ES256"))


def test_a_key_that_is_none_takes_the_others_with_it(tmp_path: Path) -> None:
    kept, path = kept_in(tmp_path), tmp_path / FILE
    path.write_text(path.read_text().replace("BEGIN", "BEGAN"))
    assert not kept.read(access_to("ES256"))


def test_more_than_there_may_be_is_not_kept(tmp_path: Path) -> None:
    key = next(iter(keys_of_jwks(document(jwk_of("RS256", "first")), "RS256").values()))
    KeptKeys(tmp_path).write(access_to("RS256"), {f"{number}".zfill(256): key for number in range(1000)})
    assert len(pem_of(key)) * 1000 > MAX_BYTES
    assert not list(tmp_path.iterdir())


def test_a_worker_without_a_folder_keeps_nothing() -> None:
    kept = KeptKeys(None)
    kept.write(access_to("ES256"), {})
    assert not kept.read(access_to("ES256"))
