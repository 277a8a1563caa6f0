"""The way to the issuer of tokens: its keys through the one client that goes outside, into the gate; at first
those that another process has fetched before.

Only where `access.jwt_keys_url` is set: until a reload sets it there is no client.
"""

import trio

from engine.config import Config
from engine.policy.outside import OutsideError, OutsideLimits
from workers.runtime.gate import Gate
from workers.runtime.kept_keys import KeptKeys
from workers.runtime.outgoing import Outgoing, open_outgoing
from workers.runtime.published_keys import FetchFailed, PublishedKeys
from workers.runtime.worker import Worker

DEPENDENCY: str = "jwks"
MAX_KEY_SET_BYTES: int = 256 * 1024
"""Of one document: 64 keys with certificate chains beside them; those of large issuers have 5 to 20 KiB."""

OK: int = 200


class FetchFromIssuer:
    """Gets documents through the guarded client."""

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing

    async def __call__(self, url: str) -> bytes:
        """The body of the answer. Raises FetchFailed."""
        try:
            reply = await self._outgoing.get(url, {"accept": "application/json"})
        except OutsideError as error:
            raise FetchFailed(str(error)) from None
        if reply.status != OK:
            raise FetchFailed(f"it answered {reply.status}")
        return reply.body


async def keep_issuers_keys(worker: Worker, gate: Gate) -> None:
    """Keep the gate's published keys up to date, until cancelled. This worker may be the successor of one
    that died while the issuer is down."""
    await _until_configured(worker)
    kept = KeptKeys(worker.metrics.directory)
    gate.publish_keys(kept.read(worker.config.access))
    async with open_outgoing(worker, DEPENDENCY, OutsideLimits(), MAX_KEY_SET_BYTES) as outgoing:
        fetch = FetchFromIssuer(outgoing)
        keys = PublishedKeys(lambda: worker.config.access, fetch, kept, gate.publish_keys, worker.log)
        worker.on_reload(keys.reconfigure)
        gate.refresh = keys.refresh
        await keys.run()


async def _until_configured(worker: Worker) -> None:
    configured = trio.Event()

    def look(old: Config, new: Config) -> None:
        if new.access.jwt_keys_url:
            configured.set()

    look(worker.config, worker.config)
    worker.on_reload(look)
    await configured.wait()
