"""The API's routes: what each asks of whom. Shapes are in `models`, sums in the modules imported here."""

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Annotated, Final

from litestar import Litestar, Router, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation
from structlog.typing import FilteringBoundLogger

from engine.access.names import parse_played_name
from workers.control import models
from workers.control.bans import Bans
from workers.control.breakers import Breakers
from workers.control.clients import Clients, Unanswered
from workers.control.limits import BODY_MAX_BYTES, PAGE_DEFAULT, PAGE_MAX
from workers.control.programmes import ProgrammeGuide
from workers.control.refusals import NotThere, Refusals
from workers.control.staff import Staff
from workers.control.streams import Streams

API_VERSION: Final = "v1"
KICKED: Final = "kicked"
VERSION: Final = models.Version(
    name="fanlight",
    version=metadata.version("fanlight"),
    api=API_VERSION,
    python=platform.python_version(),
    platform=platform.platform(),
)


@dataclass(frozen=True)
class Desk:
    """Everything the routes ask."""

    streams: Streams
    programmes: ProgrammeGuide
    clients: Clients
    staff: Staff
    breakers: Breakers
    bans: Bans
    hooks: Callable[[], models.Hooks]


TheDesk = NamedDependency[SkipValidation[Desk]]
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_MAX, description="clients on a page")]
After = Annotated[str, QueryParameter(max_length=128, description="the last page's `next`")]
OfStream = Annotated[str | None, QueryParameter(max_length=512, description="only clients of this stream")]


@get("/streams", summary="All streams")
async def list_streams(desk: TheDesk) -> models.StreamList:
    return models.StreamList(streams=desk.streams.all(time.monotonic_ns()))


@get("/streams/{name:path}", summary="One stream and its publisher")
async def show_stream(desk: TheDesk, name: FromPath[str]) -> models.StreamDetail:
    """Only the publisher's part needs an answer from a worker; without it the rest is told all the same.

    Raises NotThere, and BadName for a name that is none.
    """
    full_name = parse_played_name(str(name).strip("/"))
    stream = desk.streams.find(full_name, time.monotonic_ns())
    if stream is None:
        raise NotThere(f"there is no stream {full_name}")
    try:
        publisher = await desk.clients.find(stream.publisher) if stream.publisher else None
    except Unanswered as worker:
        return models.StreamDetail(stream=stream, publisher=None, missing=[str(worker)])
    return models.StreamDetail(stream=stream, publisher=publisher, missing=[])


@get("/programmes", summary="All programmes and their renditions")
async def list_programmes(desk: TheDesk) -> models.ProgrammeList:
    return models.ProgrammeList(programmes=desk.programmes.all(time.monotonic_ns()))


@get("/clients", summary="Players and publishers, a page at a time")
async def list_clients(
    desk: TheDesk, stream: OfStream = None, after: After = "", limit: Limit = PAGE_DEFAULT
) -> models.ClientList:
    full_name = parse_played_name(stream) if stream is not None else None
    return await desk.clients.page(full_name, after, limit)


@get("/clients/{client_id:str}", summary="One player or publisher")
async def show_client(desk: TheDesk, client_id: FromPath[str]) -> models.Client:
    client = await desk.clients.find(client_id)
    if client is None:
        raise NotThere("there is no such client")
    return client


@delete("/clients/{client_id:str}", summary="End a player's or publisher's connection")
async def kick_client(desk: TheDesk, client_id: FromPath[str]) -> None:
    if not await desk.clients.kick(client_id, KICKED):
        raise NotThere("there is no such client")


@get("/bans", summary="All bans")
async def list_bans(desk: TheDesk) -> models.BanList:
    return models.BanList(bans=desk.bans.all())


@post("/bans", summary="Keep an address, a stream's publishers or a key out, and end their connections")
async def ban(desk: TheDesk, data: JSONBody[models.NewBan]) -> models.Ban:
    """Holds for newcomers at once, for others within a second. Raises BadBan, TooManyBans."""
    return desk.bans.add(data)


@delete("/bans/{ban_id:str}", summary="Lift a ban")
async def lift_ban(desk: TheDesk, ban_id: FromPath[str]) -> None:
    if not desk.bans.remove(ban_id):
        raise NotThere("there is no such ban")


@get("/workers", summary="All workers")
async def list_workers(desk: TheDesk) -> models.WorkerList:
    return models.WorkerList(workers=desk.staff.all(time.monotonic_ns()))


@get("/breakers", summary="Circuit breakers round the services outside, of all workers")
async def list_breakers(desk: TheDesk) -> models.BreakerList:
    return models.BreakerList(breakers=desk.breakers.all(time.monotonic_ns()))


@get("/hooks", summary="Webhooks: what waits, and what went wrong lately")
async def show_hooks(desk: TheDesk) -> models.Hooks:
    return desk.hooks()


@get("/version", summary="Which engine this is")
async def show_version() -> models.Version:
    return VERSION


ROUTES: Final = (
    list_streams,
    show_stream,
    list_programmes,
    list_clients,
    show_client,
    kick_client,
    list_bans,
    ban,
    lift_ban,
    list_workers,
    list_breakers,
    show_hooks,
    show_version,
)


def build_api(desk: Desk, log: FilteringBoundLogger) -> Litestar:
    """The application behind `[api] listen`, without what `Requests` adds."""
    return Litestar(
        [Router(f"/api/{API_VERSION}", route_handlers=ROUTES)],
        dependencies={"desk": Provide(lambda: desk, sync_to_thread=False)},
        exception_handlers=Refusals(log).handlers(),
        logging_config=None,
        # The framework's own pages would fetch scripts from other people's servers.
        openapi_config=OpenAPIConfig(
            "Fanlight", VERSION.version, path="/schema", render_plugins=[JsonRenderPlugin()]
        ),
        request_max_body_size=BODY_MAX_BYTES,
        # Said outright: what is left open here, the framework takes from its environment variables.
        debug=False,
        pdb_on_exception=False,
    )
