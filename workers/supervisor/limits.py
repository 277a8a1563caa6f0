"""The supervisor's limits: unit, reason and precedent at each."""

from typing import Final

BACKLOG: Final = 4096
"""Connections the kernel completes before anybody accepts them: a thousand players that come back at once
while a worker is being replaced must fit. Linux's own bound since 5.4 (net.core.somaxconn); nginx has 511."""

DATAGRAM_BUFFER_BYTES: Final = 1024 * 1024
"""Buffers of an SRT port's socket, as far as the kernel lets. Only strangers use it, so it holds some 1,300
handshakes: players who all come back while a worker is being replaced. A larger one would keep callers
waiting behind a flood for longer than they have patience. libsrt asks for 12 MB (SRTO_UDP_RCVBUF), of which
Linux as installed gives 208 KiB."""

SRT_SECRET_BYTES: Final = 32
"""As long as the digest of the HMAC that it is the key of (RFC 2104, section 3)."""

CHECK_EVERY_S: Final = 0.5
"""How often heartbeats are looked at. With a timeout of 3 s and a beat each 0.5 s, a stopped worker is found
after 3.5 s at the latest and replaced within 5."""

BOOT_TIMEOUT_S: Final = 30.0
"""From fork to the first heartbeat. Control imports its web framework meanwhile, 0.3 s on an idle core; a
machine ten times slower and loaded ten times over must not make that a death. gunicorn allows 30 s too."""

LEND_AFTER_S: Final = 1.0
"""A restart takes tens of milliseconds, while new connections wait in the listener's queue. A slot that is
down for longer lends its listener."""

DRAIN_MARGIN_S: Final = 1.0
"""Workers are told to be gone this much before `workers.drain_s` is over, so that the last thing that ends a
connection is the worker's own deadline, which says goodbye, and not SIGKILL."""

KILL_PATIENCE_S: Final = 5.0
"""From SIGKILL to giving up on seeing the death: only a process in uninterruptible sleep takes longer."""

FORK_RETRY_S: Final = 1.0
"""When the machine refuses a process (EAGAIN, ENOMEM), asking again at once makes it worse."""

WATCHDOG_LOOKS: Final = 10
"""How often health is looked at in the second half of the watchdog's patience, where it was wanting at the
end of the first: of the 20 s in the systemd unit nine are left for whatever has to be replaced."""

STATUS_EVERY_S: Final = 2.0
"""How often the service manager's line of status is brought up to date, if it has changed."""

SUPERVISOR_DESCRIPTORS: Final = 64
"""Standard streams, arena, selector, and what imported modules keep open."""

DESCRIPTORS_PER_WORKER: Final = 20
"""What the supervisor holds per slot: inbox, outbox, doorbell, pidfd, five listeners, two sentinel pipes of
multiprocess; doubled."""

DESCRIPTORS_PER_PLAYER: Final = 1
