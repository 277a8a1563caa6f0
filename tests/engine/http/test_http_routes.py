"""What a path of the media port means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.http import RemoteProtocolError, Route, parse_route


def kind_and_name(path: str) -> tuple[str, str, str]:
    route = parse_route(path, {})
    return route.kind, route.raw_name, route.file


def route_or_status(path: str, is_websocket: bool) -> Route | int:
    try:
        return parse_route(path, {}, is_websocket=is_websocket)
    except RemoteProtocolError as error:
        return error.reply


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("/live/show.flv", "flv", "live/show"),
        ("/show.flv", "flv", "show"),
        ("/a/b/c.d.flv", "flv", "a/b/c.d"),
        ("/live/show.mp4", "mp4", "live/show"),
        ("/live/show/x.mp4", "mp4", "live/show/x"),
        ("/live/show/1a2b-.mp4", "mp4", "live/show/1a2b-"),
        ("/live/show/1A2B-3.mp4", "mp4", "live/show/1A2B-3"),
        ("/1a2b-3.mp4", "mp4", "1a2b-3"),
        ("/live/show.m3u8", "multivariant", "live/show"),
        ("/show.m3u8", "multivariant", "show"),
        ("/live/show/index.m3u8", "multivariant", "live/show"),
        ("/show/index.m3u8", "multivariant", "show"),
        ("/index.m3u8", "multivariant", "index"),
        ("/live/show/media.m3u8", "media", "live/show"),
        ("/media.m3u8", "multivariant", "media"),
        ("/play/live/show", "page", "live/show"),
        ("/play/show", "page", "show"),
        ("/play/live/show.v2", "page", "live/show.v2"),
        ("/play/live/show.flv", "flv", "play/live/show"),
        ("/", "index", ""),
    ],
)
def test_paths_of_streams_and_pages(path: str, kind: str, name: str) -> None:
    assert kind_and_name(path) == (kind, name, "")


@pytest.mark.parametrize("file", ["1a2b-0.mp4", "0-17.m4s", "1a2b-17.3.m4s", "deadbeef-4294967296.ts"])
def test_files_of_a_stream(file: str) -> None:
    assert kind_and_name(f"/live/show/{file}") == ("file", "live/show", file)
    assert kind_and_name(f"/a/b/c/d/{file}") == ("file", "a/b/c/d", file)


@pytest.mark.parametrize("file", ["player.js", "player.css"])
def test_what_the_pages_need(file: str) -> None:
    assert kind_and_name(f"/{file}") == ("asset", "", file)


def test_a_stream_may_be_called_like_a_file_where_no_file_is_asked_for() -> None:
    assert parse_route("/live/2024-01.mp4", {}).kind == "file"
    assert parse_route("/live/2024-01.mp4", {}, is_websocket=True).raw_name == "live/2024-01"


@pytest.mark.parametrize(
    "path",
    [
        *(
            "*",
            "/.flv",
            "/.m3u8",
            "/.mp4",
            "/live/show",
            "/live/show.flv/",
            "/play",
            "/play/",
            "/player.html",
        ),
        *("/live/player.js", "/live/show/x.m4s", "/live/show/1a2b-3.m4s.bak", "/1a2b-3.m4s", "/live/show.ts"),
        *("/live/show/1a2b-3.4.5.m4s", "/live/show/g-1.m4s", "/live/show/-1.ts", "/live/show/1a2b-\u0663.ts"),
        "/live/show/1a2b-3.ts\n",
    ],
)
def test_paths_that_are_nothing(path: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_route(path, {})
    assert caught.value.reply == 404


@pytest.mark.parametrize("path", ["/show.flv", "/show.mp4"])
def test_a_player_chooses_its_start(path: str) -> None:
    assert parse_route(path, {"start": "burst"}).start == "burst"
    assert parse_route(path, {"token": "t"}).start is None
    with pytest.raises(RemoteProtocolError) as caught:
        parse_route(path, {"start": "yesterday"})
    assert caught.value.reply == 400


def test_a_playlist_has_no_start_to_choose() -> None:
    assert parse_route("/show.m3u8", {"start": "yesterday"}).start is None


PIECES = st.sampled_from(
    ["/", ".", "..", "live", "play", "index", "media", ".m3u8", ".mp4", ".ts", "1-2", "é"]
)


@given(st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=8).map("".join)), st.booleans())
def test_any_path_is_a_route_or_not_found(tail: str, is_websocket: bool) -> None:
    route = route_or_status(f"/{tail}", is_websocket)
    if not isinstance(route, Route):
        assert route == 404
        return
    assert route.raw_name in tail
    assert "/" not in route.file
    assert route.raw_name or route.kind in ("index", "asset")
