"""One stream, written in the many ways in which clients write it."""

import pytest

from engine.protocols.rtmp.targets import app_and_query, target_of

WAYS = {
    "ffmpeg and OBS": ("live", "rtmp://h/live", "cam?k=v"),
    "the token in OBS's server field": ("live?k=v", "rtmp://h/live?k=v", "cam"),
    "the token only in tcUrl": ("live", "rtmp://h/live?k=v", "cam"),
    "slashes at the ends": ("/live/", "rtmp://h/live/", "/cam/?k=v"),
    "everything in the app": ("live/cam?k=v", "rtmp://h/live/cam?k=v", ""),
    "everything in the name": ("", "rtmp://h/", "live/cam?k=v"),
    "the container's name in front": ("live", "rtmp://h/live", "mp4:cam?k=v"),
}


@pytest.mark.parametrize(("app", "tc_url", "stream"), WAYS.values(), ids=WAYS.keys())
def test_all_of_them_mean_the_same(app: str, tc_url: str, stream: str) -> None:
    target = target_of(*app_and_query(app, tc_url), stream)
    assert (target.path, target.query) == ("live/cam", "k=v")


def test_queries_of_both_are_joined() -> None:
    assert target_of(*app_and_query("live?a=1", ""), "cam?b=2").query == "a=1&b=2"


def test_apps_of_several_segments_stay() -> None:
    assert target_of(*app_and_query("live/_definst_", ""), "cam").path == "live/_definst_/cam"


def test_nothing_at_all_is_an_empty_path() -> None:
    assert target_of(*app_and_query("", ""), "").path == ""


def test_hostile_names_pass_unjudged() -> None:
    assert target_of("live", "", "../../etc/passwd").path == "live/../../etc/passwd"
