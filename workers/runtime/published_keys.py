"""The keys that the issuer of tokens publishes (JWKS), fetched now and then and kept.

A key that is not known yet is a reason to look again at once: that is how issuers change keys. Not more
often than every `PAUSE_S`, since whoever makes up key ids could else have us ask without end. Where the
issuer cannot be reached, or answers nonsense, the keys of the last time stay, in this process and for those
that begin meanwhile (`kept_keys`): it is its outage, not that of its viewers.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import trio
from structlog.typing import FilteringBoundLogger

from engine.access.token_keys import BadKey, TokenKey, keys_of_jwks
from engine.config import Config
from engine.config.tree import Access
from workers.runtime.kept_keys import KeptKeys

REFRESH_S: float = 600.0
"""How often keys are fetched anyway: a key that was withdrawn is good for so long at most."""

RETRY_S: float = 30.0
"""The same after a failure."""

PAUSE_S: float = 10.0
"""The least time between two fetches, whoever asks."""

WAIT_S: float = 3.0
"""How long somebody with a new key waits for it to be fetched."""


class FetchFailed(Exception):
    """The document could not be had; the text says why, and no more than that."""


class Fetch(Protocol):
    """How documents are fetched: whoever makes it sees to time, size, addresses and retries."""

    async def __call__(self, url: str) -> bytes:
        """The body of the answer. Raises FetchFailed."""
        ...


class PublishedKeys:
    """Keeps the keys of `access.jwt_keys_url`.

    Args:
        access: the configuration as it is now.
        fetch: gets the document.
        kept: where they are for processes that begin later.
        tell: hears of new keys.
        log: hears of failures.
    """

    def __init__(
        self,
        access: Callable[[], Access],
        fetch: Fetch,
        kept: KeptKeys,
        tell: Callable[[Mapping[str, TokenKey]], None],
        log: FilteringBoundLogger,
    ) -> None:
        self._access = access
        self._fetch = fetch
        self._kept = kept
        self._tell = tell
        self._log = log
        self._wanted = trio.Event()
        self._fetched = trio.Event()  # replaced with each fetch that ends
        self._last_s = float("-inf")

    async def run(self) -> None:
        """Fetch now and then, until cancelled."""
        while True:
            self._wanted = trio.Event()
            good = await self._look() if self._access().jwt_keys_url else True
            await trio.sleep(PAUSE_S)
            with trio.move_on_after((REFRESH_S if good else RETRY_S) - PAUSE_S):
                await self._wanted.wait()

    async def refresh(self) -> bool:
        """Fetch now, if that was not done a moment ago; whether it may be worth another look at the keys."""
        if not self._access().jwt_keys_url:
            return False
        if trio.current_time() - self._last_s < PAUSE_S:
            return False
        fetched = self._fetched
        self._wanted.set()
        with trio.move_on_after(WAIT_S):
            await fetched.wait()
        return fetched.is_set()

    def reconfigure(self, old: Config, new: Config) -> None:
        """Another issuer, or another algorithm: what was fetched means nothing any more, unless it is what
        another process has fetched of the new one just now.
        """
        if _source(old.access) != _source(new.access):
            self._tell(self._kept.read(new.access))
            self._wanted.set()

    async def _look(self) -> bool:
        access = self._access()
        where = access.jwt_keys_url.partition("?")[0]  # what is behind it may be a secret
        try:
            document = await self._fetch(access.jwt_keys_url)
            keys = keys_of_jwks(document, access.jwt_algorithm)
        except (FetchFailed, BadKey) as error:
            self._log.warning("token_keys_not_fetched", url=where, why=str(error))
            return False
        else:
            if _source(access) != _source(self._access()):
                return False  # a reload came meanwhile, and has asked for the keys of another issuer
            self._tell(keys)
            self._log.info("token_keys_fetched", url=where, keys=sorted(keys))
            self._keep(access, keys)
            return True
        finally:
            self._last_s = trio.current_time()
            self._fetched.set()
            self._fetched = trio.Event()

    def _keep(self, access: Access, keys: Mapping[str, TokenKey]) -> None:
        """Without room they are still the keys of this process."""
        try:
            self._kept.write(access, keys)
        except OSError as error:
            self._log.warning("token_keys_not_kept", why=str(error))


def _source(access: Access) -> tuple[str, str]:
    """What fetched keys belong to."""
    return access.jwt_keys_url, access.jwt_algorithm
