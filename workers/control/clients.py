"""Clients as the API shows them: every worker is asked at the same time, and none is waited for.

Ids sort as text, and all ids of a worker begin with its name and a hyphen, so pages of several workers
merge by sorting. One trap: a worker that had more to tell than it told (`more`) ends what may be shown,
because the next page begins after the last id of this one, and would skip the rest of that worker's.

Another: webhooks are told a publisher's id before they have decided what its stream is called, and with that
which ingest gets it. So whoever looks for a publisher of one ingest has it looked for in the others, too, all
at once after the first: however many hang, that takes ASK_TIMEOUT_S twice.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

import trio

from workers.control import models
from workers.control.limits import ASK_TIMEOUT_S
from workers.control.staff import Staff
from workers.control.streams import wall_time
from workers.runtime.bus import BusError
from workers.runtime.messages import AnyMessage, ClientInfo, ClientsPage, Kick, KickResult, ListClients
from workers.runtime.slots import INGEST, WorkerSlot, of_role, slot_of_client

ID_DIGITS = 16
"""How many ids differ in their last hexadecimal digit only."""

Found = TypeVar("Found")


class Asks(Protocol):
    """The part of the bus that is used here."""

    async def request(self, to: int, message: AnyMessage, timeout_s: float) -> AnyMessage: ...


class Unanswered(Exception):
    """The worker that holds the client did not answer; the text is its name."""


class Heard(NamedTuple):
    """What came back: pages by worker, and the names of those that did not answer."""

    pages: list[ClientsPage]
    missing: list[str]


class Clients:
    """All clients of all workers."""

    def __init__(self, bus: Asks, staff: Staff) -> None:
        self._bus = bus
        self._staff = staff

    async def page(self, stream: str | None, after: str, limit: int) -> models.ClientList:
        """At most `limit` clients with an id greater than `after`; of one stream, if it is given."""
        heard = await self._ask(self._staff.with_clients(), ListClients(stream, after, limit))
        shown = merged(heard.pages, limit)
        more = len(shown) < sum(len(page.clients) for page in heard.pages) or any(
            page.more for page in heard.pages
        )
        return models.ClientList(
            clients=[client_of(info) for info in shown],
            next=shown[-1].id if shown and more else None,
            missing=heard.missing,
        )

    async def find(self, client_id: str) -> models.Client | None:
        """The client of that id. Raises Unanswered."""
        return await self._first_of(client_id, self._look_for)

    async def kick(self, client_id: str, reason: str) -> bool:
        """End the client; whether it was there. Raises Unanswered."""

        async def kick(slot: WorkerSlot, its_id: str) -> bool:
            answer = await self._answer(slot, Kick(its_id, reason))
            if not isinstance(answer, KickResult):
                raise Unanswered(slot.name)
            return answer.found

        return bool(await self._first_of(client_id, kick))

    async def _first_of(
        self, client_id: str, ask: Callable[[WorkerSlot, str], Awaitable[Found]]
    ) -> Found | None:
        """What is found of this client by the worker it is named after, or else by one of the others that may
        hold it, who are asked at the same time. Raises Unanswered if none has it, and one said nothing."""
        found: list[Found] = []
        silent: list[Unanswered] = []

        async def hear(slot: WorkerSlot, its_id: str, others: trio.CancelScope) -> None:
            try:
                answer = await ask(slot, its_id)
            except Unanswered as error:
                silent.append(error)
                return
            if answer:
                found.append(answer)
                others.cancel()  # ids are of one client: nobody else has it

        holders = holders_of(self._staff.with_clients(), client_id)
        for together in (holders[:1], holders[1:]):
            async with trio.open_nursery() as nursery:
                for slot, its_id in together:
                    nursery.start_soon(hear, slot, its_id, nursery.cancel_scope)
            if found:
                return found[0]
        if silent:
            raise silent[0]
        return None

    async def _look_for(self, slot: WorkerSlot, client_id: str) -> models.Client | None:
        # There is no question for one id; the ids right before it are at most its last digit away.
        heard = await self._ask((slot,), ListClients(None, client_id[:-1], ID_DIGITS))
        if heard.missing:
            raise Unanswered(slot.name)
        infos = (info for page in heard.pages for info in page.clients)
        return next((client_of(info) for info in infos if info.id == client_id), None)

    async def _ask(self, slots: Iterable[WorkerSlot], question: ListClients) -> Heard:
        heard = Heard([], [])
        async with trio.open_nursery() as nursery:
            for slot in slots:
                nursery.start_soon(partial(self._hear, slot, question, heard))
        heard.missing.sort()
        return heard

    async def _hear(self, slot: WorkerSlot, question: ListClients, heard: Heard) -> None:
        answer = await self._answer(slot, question)
        if isinstance(answer, ClientsPage):
            heard.pages.append(answer)
        else:
            heard.missing.append(slot.name)

    async def _answer(self, slot: WorkerSlot, question: AnyMessage) -> AnyMessage | None:
        if not self._staff.answers(slot):
            return None
        try:
            return await self._bus.request(slot.number, question, ASK_TIMEOUT_S)
        except BusError:
            return None


def holders_of(slots: Sequence[WorkerSlot], client_id: str) -> list[tuple[WorkerSlot, str]]:
    """The workers that may hold a client, and what each would call it: the one that it is named after; of a
    publisher, all other ingests after that."""
    named = slot_of_client(slots, client_id)
    if named is None:
        return []
    others = [slot for slot in of_role(slots, INGEST) if slot is not named] if named.role == INGEST else []
    number = client_id.removeprefix(named.name)
    return [(slot, f"{slot.name}{number}") for slot in (named, *others)]


def merged(pages: Sequence[ClientsPage], limit: int) -> list[ClientInfo]:
    """The clients of all pages that may be shown, by id."""
    ends = [page.clients[-1].id for page in pages if page.more and page.clients]
    infos = sorted((info for page in pages for info in page.clients), key=lambda info: info.id)
    if ends:
        infos = [info for info in infos if info.id <= min(ends)]
    return infos[:limit]


def client_of(info: ClientInfo) -> models.Client:
    """A client in the API's shape."""
    return models.Client(
        id=info.id,
        worker=info.worker,
        role=info.role,
        protocol=info.protocol,
        stream=info.stream,
        state=info.state,
        remote=info.remote,
        user_agent=info.user_agent,
        started_at=wall_time(info.started_ns),
        bytes=info.bytes,
        tags=info.tags,
        dropped_tags=info.dropped_tags,
        jumps=info.jumps,
        lag_ms=info.lag_ms,
        link=info.link,
        key=info.key,
    )
