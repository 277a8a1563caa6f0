"""Where webhooks go: for everything, one event or nothing; for all streams, or those of a path."""

import pytest

from engine.config import Config, ConfigError, HookUrls, decode, encode, for_path, load
from engine.hooks.settings import is_followed, urls_for

A, B = "http://a.example/hook", "https://b.example/hook?key=k"


def test_without_an_address_nobody_is_told() -> None:
    hooks = Config().hooks
    assert [is_followed(hooks, kind) for kind in ("publish", "play", "stream")] == [False] * 3
    assert urls_for(hooks, "on_hls") == ()


def test_one_address_hears_of_everything_but_segments() -> None:
    hooks = load(f'[hooks]\nurl = "{A}"', {}).hooks
    assert urls_for(hooks, "on_publish") == urls_for(hooks, "on_stream_idle") == (A,)
    assert urls_for(hooks, "on_hls") == ()


def test_an_event_has_addresses_of_its_own_or_none() -> None:
    hooks = load(f'[hooks]\nurl = "{A}"\non_play = "{B} {A}"\non_stop = "off"\non_hls = ""', {}).hooks
    assert urls_for(hooks, "on_play") == (B, A)
    assert urls_for(hooks, "on_stop") == ()
    assert urls_for(hooks, "on_hls") == (A,)
    assert is_followed(hooks, "play")


def test_a_list_is_as_good_as_a_text() -> None:
    assert load(f'[hooks]\nurl = ["{A}", "{B}"]', {}).hooks.url == HookUrls([A, B])


def test_a_path_has_hooks_of_its_own() -> None:
    text = f'[hooks]\nurl = "{A}"\n[paths."vip/*"]\nhooks_url = "{B}"\n[paths."vip/*".hooks]\ntimeout_s = 1'
    config = load(text, {})
    own = for_path(config, "vip/one").hooks
    assert (urls_for(own, "on_publish"), own.timeout_s) == ((B,), 1.0)
    assert urls_for(for_path(config, "live/one").hooks, "on_publish") == (A,)


def test_workers_get_what_was_configured() -> None:
    text = f'[hooks]\nurl = "{A} {B}"\non_stop = "off"\nsecret = "k"\n[paths."live/*"]\nhooks_on_play = "{B}"'
    config = load(text, {})
    assert decode(encode(config)) == config


@pytest.mark.parametrize(
    "url",
    [
        "hook",
        "ftp://a.example/",
        "http://",
        "http:///hook",
        "http://a.example:99999/",
        "http://a.example:0/",
        "http://user:s3cret@a.example/",
        "http://a.example/" + "x" * 1100,
        " ".join([A] * 9),
        "http://a.example/\u00e9",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"hooks\.url: this is not allowed") as refused:
        load(f'[hooks]\nurl = "{url}"', {})
    assert "s3cret" not in str(refused.value)


def test_nothing_formats_an_address() -> None:
    assert str(HookUrls([B])) == repr(HookUrls([B])) == "HookUrls(1)"
    assert HookUrls([A]) != HookUrls([B])
    assert HookUrls() != "off"
    assert len({HookUrls([A]), HookUrls([A]), HookUrls(is_off=True)}) == 2
