"""The issuer's keys: fetched, kept through its outages, renewed when a new one is met, and not too often."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from msgspec.structs import replace

from engine.access.token_keys import TokenKey
from engine.config import Config, load
from tests.engine.access.test_tokens import document, jwk_of
from workers.runtime.kept_keys import FILE, KeptKeys
from workers.runtime.published_keys import PAUSE_S, REFRESH_S, RETRY_S, WAIT_S, FetchFailed, PublishedKeys


class Log:
    """Events by name, in order."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **fields: object) -> None:
        self.lines.append((event, fields))

    warning = info


class Issuer:
    """Answers with what the test has put there, after a while."""

    def __init__(self) -> None:
        self.document: bytes | None = document(jwk_of("ES256", "first"))
        self.asked_s: list[float] = []
        self.takes_s = 0.1

    async def __call__(self, url: str) -> bytes:
        self.asked_s.append(trio.current_time())
        await trio.sleep(self.takes_s)
        if self.document is None:
            raise FetchFailed("nobody answers")
        return self.document


class House:
    """Keys, their issuer, and what was heard of them."""

    def __init__(self, folder: Path | None) -> None:
        self.config = config_for("ES256")
        self.issuer, self.log = Issuer(), Log()
        self.heard: list[list[str]] = []
        log, kept = cast("Any", self.log), KeptKeys(folder)
        self.keys = PublishedKeys(lambda: self.config.access, self.issuer, kept, self._hear, log)

    def _hear(self, keys: Mapping[str, TokenKey]) -> None:
        self.heard.append(list(keys))

    def reload(self, config: Config) -> None:
        old, self.config = self.config, config
        self.keys.reconfigure(old, config)


def config_for(algorithm: str, url: str = "https://example.org/keys?secret=yes") -> Config:
    return load(f'[access]\njwt_algorithm = "{algorithm}"\njwt_keys_url = "{url}"', {})


@asynccontextmanager
async def opened(folder: Path | None = None) -> AsyncIterator[House]:
    house = House(folder)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.keys.run)
        yield house
        nursery.cancel_scope.cancel()


async def test_keys_are_fetched_at_once_and_now_and_then(autojump_clock: object) -> None:
    async with opened() as house:
        await trio.sleep(2.5 * REFRESH_S)
        assert len(house.issuer.asked_s) == 3
        assert house.heard == [["first"]] * 3


async def test_the_last_keys_stay_while_the_issuer_is_away(autojump_clock: object) -> None:
    async with opened() as house:
        await trio.sleep(1)
        house.issuer.document = None
        await trio.sleep(REFRESH_S + 3.5 * RETRY_S)
        assert house.heard == [["first"]]
        assert len(house.issuer.asked_s) == 5
        assert [line[0] for line in house.log.lines[1:]] == ["token_keys_not_fetched"] * 4
        house.issuer.document = b"<html>sorry</html>"
        await trio.sleep(RETRY_S)
        assert house.heard == [["first"]]


async def test_a_new_key_is_fetched_when_it_is_met(autojump_clock: object) -> None:
    async with opened() as house:
        await trio.sleep(PAUSE_S + 5)
        house.issuer.document = document(jwk_of("ES256", "second"))
        assert await house.keys.refresh()
        assert house.heard[-1] == ["second"]


async def test_made_up_keys_do_not_have_us_ask_without_end(autojump_clock: object) -> None:
    async with opened() as house:
        began_s = trio.current_time()
        while trio.current_time() - began_s < 60:
            await house.keys.refresh()
            await trio.sleep(0.05)
        asked = house.issuer.asked_s
        assert all(after - before >= PAUSE_S for before, after in pairwise(asked))
        assert len(asked) <= 7


async def test_nobody_waits_for_a_slow_issuer_for_long(autojump_clock: object) -> None:
    async with opened() as house:
        await trio.sleep(PAUSE_S + 5)
        house.issuer.takes_s = 60
        began_s = trio.current_time()
        assert not await house.keys.refresh()
        assert trio.current_time() - began_s == pytest.approx(WAIT_S)


async def test_who_comes_before_the_first_keys_waits_for_them(autojump_clock: object) -> None:
    async with opened() as house:
        assert await house.keys.refresh()
        assert house.heard == [["first"]]


async def test_another_issuer_takes_the_keys_of_the_one_before_away(autojump_clock: object) -> None:
    async with opened() as house:
        await trio.sleep(PAUSE_S + 5)
        house.reload(config_for("ES256", "https://example.net/keys"))
        assert house.heard[-1] == []
        await trio.sleep(1)
        assert house.heard[-1] == ["first"]


async def test_keys_on_their_way_are_nobody_s_once_there_is_another_issuer(
    autojump_clock: object, tmp_path: Path
) -> None:
    async with opened(tmp_path) as house:
        house.issuer.takes_s = 5
        await trio.sleep(1)
        other = config_for("ES256", "https://example.net/keys")
        house.reload(other)
        await trio.sleep(PAUSE_S)
        assert house.heard == [[]]
        assert os.listdir(tmp_path) == []
        house.issuer.document = document(jwk_of("ES256", "theirs"))
        await trio.sleep(PAUSE_S + 5)
        assert house.heard == [[], ["theirs"]]
        assert list(KeptKeys(tmp_path).read(other.access)) == ["theirs"]


async def test_keys_on_their_way_are_welcome_after_any_other_reload(autojump_clock: object) -> None:
    async with opened() as house:
        house.issuer.takes_s = 5
        await trio.sleep(1)
        house.reload(replace(house.config, play=replace(house.config.play, wait_s=7)))
        await trio.sleep(PAUSE_S)
        assert house.heard == [["first"]]


async def test_without_an_address_nothing_is_fetched(autojump_clock: object) -> None:
    async with opened() as house:
        await trio.sleep(1)
        house.reload(Config())
        await trio.sleep(5 * REFRESH_S)
        assert len(house.issuer.asked_s) == 1
        assert not await house.keys.refresh()


async def test_secrets_in_the_address_are_not_logged(autojump_clock: object) -> None:
    async with opened() as house:
        await trio.sleep(1)
        house.issuer.document = None
        await trio.sleep(REFRESH_S)
        assert {line[1]["url"] for line in house.log.lines} == {"https://example.org/keys"}


async def test_what_one_process_has_fetched_is_there_for_the_next(
    autojump_clock: object, tmp_path: Path
) -> None:
    async with opened(tmp_path) as house:
        await trio.sleep(1)
        house.issuer.document = b"<html>sorry</html>"
        await trio.sleep(REFRESH_S)
        assert list(KeptKeys(tmp_path).read(house.config.access)) == ["first"]
    assert os.listdir(tmp_path) == [FILE]


async def test_who_returns_to_an_issuer_has_what_others_fetched_of_it(
    autojump_clock: object, tmp_path: Path
) -> None:
    async with opened(tmp_path) as house:
        await trio.sleep(1)
        first, house.issuer.document = house.config, None
        house.reload(config_for("ES256", "https://example.net/keys"))
        house.reload(first)
        assert house.heard == [["first"], [], ["first"]]


async def test_keys_that_there_is_no_room_to_keep_are_used_all_the_same(
    autojump_clock: object, tmp_path: Path
) -> None:
    async with opened(tmp_path / "gone") as house:
        await trio.sleep(1)
        assert house.heard == [["first"]]
        assert house.log.lines[-1][0] == "token_keys_not_kept"
