"""The certificate that this worker serves with, and its successors.

Each worker reads the files for itself: when it begins, on SIGHUP, and when a look once a minute finds that
they have changed, as they do when certbot renews them. A pair that cannot be used is refused, and the one
before it stays. A worker that begins in a moment when the files are broken serves its plain ports all the
same, and turns clients of the others away until they are mended.
"""

import ssl
import time

import trio

from engine.config import Config
from workers.fanout.report import Report
from workers.runtime.certificates import Contexts, Unusable, check_time, make_contexts, stamp_of
from workers.runtime.worker import HTTPS, Worker

LOOK_S: float = 60.0
"""How often the files are looked at, seconds. Certificates are renewed days before they expire."""


class TlsContexts:
    """Has the contexts of the newest pair that could be used, by kind of listener."""

    def __init__(self, worker: Worker, report: Report) -> None:
        self._worker = worker
        self._report = report
        self._contexts: Contexts | None = None
        self._stamp = stamp_of(worker.config.tls)
        self._load()
        worker.on_reload(self._reloaded)

    def of(self, kind: str) -> ssl.SSLContext | None:
        """What connections of this kind are made from; None while there is no certificate."""
        if self._contexts is None:
            return None
        return self._contexts.https if kind == HTTPS else self._contexts.rtmps

    async def watch(self) -> None:
        """Take what has changed, until cancelled."""
        while True:
            await trio.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        """Read the files if they are not those that were read last, good or bad."""
        stamp = stamp_of(self._worker.config.tls)
        if stamp != self._stamp:
            self._stamp = stamp
            self._load()

    def _reloaded(self, old: Config, new: Config) -> None:
        """Read them, changed or not: the operator asks."""
        self._stamp = stamp_of(new.tls)
        self._load()

    def _load(self) -> None:
        tls, is_first = self._worker.config.tls, self._contexts is None
        try:
            contexts = make_contexts(tls)
            if not is_first:  # at the start an old one is better than none
                check_time(tls, contexts.identity)
        except Unusable as error:
            self._report.certificate_reloaded("refused")
            hint = "TLS is not served" if is_first else "the one before it stays"
            self._worker.log.error("certificate_refused", why=str(error), hint=hint)
            return
        self._contexts = contexts
        self._tell(contexts, is_first)

    def _tell(self, contexts: Contexts, is_first: bool) -> None:
        not_after_s = contexts.identity.not_after_s
        self._report.certificate_in_use(not_after_s)
        if not is_first:
            self._report.certificate_reloaded("applied")
        days = round((not_after_s - time.time()) / 86_400, 1)
        self._worker.log.info("certificate_loaded", names=contexts.identity.names, days_left=days)
