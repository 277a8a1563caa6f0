"""The issuer's document through the guarded client: a body, or why there is none."""

from collections.abc import Mapping
from typing import Any, cast

import pytest

from engine.policy.outside import TimedOut
from workers.runtime.issuer import FetchFromIssuer
from workers.runtime.outgoing import Reply
from workers.runtime.published_keys import FetchFailed

URL = "https://example.org/keys"


class Client:
    """Answers with what the test has put there."""

    def __init__(self, outcome: Reply | Exception) -> None:
        self._outcome = outcome

    async def get(self, url: str, headers: Mapping[str, str]) -> Reply:
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


def fetch(outcome: Reply | Exception) -> FetchFromIssuer:
    return FetchFromIssuer(cast("Any", Client(outcome)))


async def test_the_body_is_the_document() -> None:
    assert await fetch(Reply(200, b"{}", {}))(URL) == b"{}"


@pytest.mark.parametrize("outcome", [Reply(404, b"{}", {}), TimedOut("jwks", 3.0)])
async def test_everything_else_is_a_fetch_that_failed(outcome: Reply | Exception) -> None:
    with pytest.raises(FetchFailed):
        await fetch(outcome)(URL)
