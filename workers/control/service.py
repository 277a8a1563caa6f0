"""The control worker at work: two HTTP servers over what shared memory and the bus tell.

Loaded after the fork, so that the web framework's 25 MB are in this process alone.
"""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, cast

import trio

from engine.config import Config
from engine.policy.addresses import AddressBook, AddressLimits, parse_networks
from engine.policy.leaks import Holdings
from engine.policy.overload import Level
from shm.board import WorkerState
from workers.control.api import VERSION, Desk, build_api
from workers.control.bans import Bans
from workers.control.breakers import Breakers
from workers.control.clients import Clients
from workers.control.exposition import render
from workers.control.guard import Guard
from workers.control.hooks.folder import folder_for
from workers.control.hooks.office import HookOffice
from workers.control.hooks.shown import hooks_of
from workers.control.host_watch import HostWatch, folders_of
from workers.control.limits import GRACE_S
from workers.control.probes import OPEN_PROBES, Gauges, build_probes
from workers.control.programmes import ProgrammeGuide
from workers.control.requests import App, Requests
from workers.control.server import Site, serve_http
from workers.control.snapshot import Camera
from workers.control.staff import Staff
from workers.control.streams import Streams
from workers.control.tally import Tally
from workers.runtime.gate import Gate
from workers.runtime.issuer import keep_issuers_keys
from workers.runtime.slots import FANOUT, of_role
from workers.runtime.worker import API, METRICS, Worker

LOOK_S: Final = 1.0
LOOK_SHARE: Final = 0.01
"""How much of its time control spends on looking at rows: with thousands of streams it looks less often."""

ORDERS_ARRIVE_S: Final = 0.5
"""Within which all workers have heard that the engine drains, if it does."""
OUTSTAY_LOOK_S: Final = 0.05
OUTSTAY_MARGIN_S: Final = 0.5


async def run(worker: Worker) -> None:
    """Serve until drained."""
    staff = Staff(worker.board, worker.slots)
    tally = Tally(worker.board, [slot.number for slot in of_role(worker.slots, FANOUT)])
    gate = Gate(worker.config)
    worker.on_reload(gate.reconfigure)
    host = _host(worker, staff)
    probes = _probes(worker, staff, tally, gate, host)
    leaving, visits = trio.Event(), AddressBook(AddressLimits())
    _hold_to(visits, worker.config)
    worker.on_reload(lambda _old, new: _hold_to(visits, new))
    sites: list[Site] = []
    worker.holdings = lambda: Holdings(clients=sum(site.connections for site in sites))
    async with _hooks(worker) as office, trio.open_nursery() as nursery:
        api = _api(worker, staff, tally, office, gate)
        if worker.tracer is not None:
            await _export_traces(worker, nursery)
        nursery.start_soon(_keep_tally, worker, tally)
        nursery.start_soon(host.run)
        nursery.start_soon(keep_issuers_keys, worker, gate)
        async with trio.open_nursery() as servers:
            for app, kind in ((api, API), (probes, METRICS)):
                site = Site(app, worker.log, worker.metrics, visits, kind)
                sites.append(site)
                await servers.start(serve_http, site, worker.own_listener(kind), leaving)
            worker.ready()
            await worker.draining.wait()
            await _outstay(worker, staff)
            await office.finish()
            leaving.set()
            worker.close_listeners()
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def _hooks(worker: Worker) -> AsyncIterator[HookOffice]:
    """The sender of webhooks, at work until the block ends; what it has not sent is on disk then."""
    async with trio.open_nursery() as nursery:
        office = HookOffice(worker, nursery)
        await office.start()
        try:
            yield office
        finally:
            nursery.cancel_scope.cancel()
    with trio.CancelScope(shield=True):
        await office.aclose()


async def _export_traces(worker: Worker, nursery: trio.Nursery) -> None:
    from workers.control.trace_export import TraceExport  # here: what is off is not even imported

    await nursery.start(TraceExport(worker).run)


def _hold_to(visits: AddressBook, config: Config) -> None:
    """What one address may have here: all of it, since control is one process."""
    addresses = config.addresses
    visits.exempt = parse_networks(addresses.exempt)
    visits.limits = AddressLimits(
        max_connections=addresses.max_connections, max_handshakes_per_s=addresses.max_handshakes_per_s
    )


async def _outstay(worker: Worker, staff: Staff) -> None:
    """While the engine drains, go on telling how far it has come; /readyz says 503 from the first moment.

    Alone told to leave, control leaves: it waits for others that drain, and a moment for their order to come.
    """
    last = worker.drain_deadline - GRACE_S - OUTSTAY_MARGIN_S
    with trio.move_on_at(last), trio.move_on_after(ORDERS_ARRIVE_S):
        await _until_none(staff, WorkerState.READY)
    with trio.move_on_at(last):
        await _until_none(staff, WorkerState.DRAINING)


async def _until_none(staff: Staff, state: WorkerState) -> None:
    while True:  # a word in shared memory wakes nobody
        if not staff.with_clients_in(state):
            return
        await trio.sleep(OUTSTAY_LOOK_S)


def _api(worker: Worker, staff: Staff, tally: Tally, office: HookOffice, gate: Gate) -> Requests:
    streams = Streams(worker.directory, tally, worker.slots)
    programmes = ProgrammeGuide(worker.directory, streams, lambda: worker.config.hls.programmes)
    breakers, bans = Breakers(worker.board, worker.slots), Bans(worker.metrics.directory)
    clients, hooks = Clients(worker.bus, staff), partial(hooks_of, office)
    desk = Desk(streams, programmes, clients, staff, breakers, bans, hooks)
    guarded = Guard(cast("App", build_api(desk, worker.log)), gate, "api", worker.log, worker.metrics)
    return Requests(
        guarded,
        log=worker.log,
        metrics=worker.metrics,
        is_overloaded=lambda: staff.overload() >= Level.SLOW_API,
        tracer=worker.tracer,
    )


def _host(worker: Worker, staff: Staff) -> HostWatch:
    """Looks at the file systems of the root, of the metrics and segments, of the webhooks' spool, and of the
    log."""

    def folders() -> list[str]:
        spool = folder_for(worker.config.hooks.folder, os.environ)
        file = worker.config.log.file
        log = os.path.dirname(os.path.abspath(file)) if file else ""
        return folders_of(worker.metrics.directory.parent, spool, log)

    return HostWatch(worker.metrics, folders, staff.pids, worker.log)


def _probes(worker: Worker, staff: Staff, tally: Tally, gate: Gate, host: HostWatch) -> Requests:
    camera = Camera(
        arena=worker.arena,
        directory=worker.directory,
        tally=tally,
        staff=staff,
        version=VERSION.version,
        memory=lambda: host.memory,
        disks=lambda: host.disks,
        breakers=Breakers(worker.board, worker.slots).worst,
    )
    one_at_a_time = trio.CapacityLimiter(1)

    async def scrape() -> bytes:
        snapshot = camera.take(worker.config)
        return await trio.to_thread.run_sync(
            render, snapshot, worker.metrics.directory, limiter=one_at_a_time
        )

    gauges = Gauges(staff, lambda: worker.config.workers.heartbeat_timeout_s, scrape)
    app = cast("App", build_probes(gauges, worker.log))
    guarded = Guard(app, gate, "metrics", worker.log, worker.metrics, OPEN_PROBES)
    return Requests(guarded, log=worker.log, metrics=worker.metrics, quiet=True)


async def _keep_tally(worker: Worker, tally: Tally) -> None:
    """Look at the rows now and then, so that little is lost with a worker that dies."""
    while True:
        began = time.perf_counter()
        tally.keep(worker.directory.all())
        await trio.sleep(max(LOOK_S, (time.perf_counter() - began) / LOOK_SHARE))
