"""A whole run of an engine with keys of every kind on every protocol: none of them is ever seen again.

It has hooks, which are told of whoever comes, and traces; both have secrets of their own. One kind of event
the service never takes, so that there are failures to show.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, quote

import httpx
import pytest
import trio

from engine.config.key_table import hash_line
from engine.config.secret import digest
from tests.e2e.conftest import StartEngine
from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.guarded_engine import (
    API_KEY,
    PASSPHRASE,
    PLAIN_KEY,
    credential,
    guarded_settings,
    refused_credentials,
)
from tests.e2e.hook_service import SECRET as HOOKS_SECRET
from tests.e2e.hook_service import YES, HookService, hook_service, hooked
from tests.e2e.hostile.strangers import exchange, rtmp_request
from tests.e2e.media import Media, publishing
from tests.e2e.srt_client import House
from tests.e2e.trace_collector import TraceCollector, trace_collector
from tests.engine.access.guarded import ISSUER_SECRET, KEY, NEXT_SIGNING, OLD_KEY, SIGNING

PATIENCE_S: Final = 30.0
NAME: Final = "guarded/secret"
KEY_OF_THE_SERVICE: Final = "what-the-service-asks-for"
KEY_OF_THE_COLLECTOR: Final = "what-the-collector-asks-for"
UNTAKEN: Final = "on_stream_live"
LISTS: Final = {
    "streams": "streams",
    "programmes": "programmes",
    "clients": "clients",
    "bans": "bans",
    "workers": "workers",
    "breakers": "breakers",
    "hooks": "failures",
    "version": "version",
}
"""What the API is asked for, and what must not be empty in the answer."""


@pytest.fixture
def service() -> Iterator[HookService]:
    with hook_service() as made:
        made.answer = lambda body: (500, KEY) if body["action"] == UNTAKEN else YES
        yield made


@pytest.fixture
def collector() -> Iterator[TraceCollector]:
    with trace_collector() as made:
        yield made


def settings_with(service: HookService, collector: TraceCollector, spool: Path) -> Settings:
    service.url += f"?key={KEY_OF_THE_SERVICE}"
    return (
        guarded_settings()
        | hooked(service, str(spool))
        | {
            "api": {"access": ["key"]},
            "log": {"level": "debug"},  # every request has a line then
            "play": {"wait_s": 0.5},
            "publish": {"takeover": False},  # there are a stream and its publisher to be shown to the end
            "api.keys": {"operator": hash_line(digest(API_KEY), None)},
            "srt.passphrases": {KEY: PASSPHRASE},
            "traces": {
                "url": collector.url,
                "ratio": 1.0,
                "authorization": f"Bearer {KEY_OF_THE_COLLECTOR}",
            },
        }
    )


@pytest.mark.slow
def test_no_secret_is_in_logs_metrics_answers_or_lists(
    start_engine: StartEngine,
    service: HookService,
    collector: TraceCollector,
    ffmpeg: Path,
    media: Media,
    tmp_path: Path,
) -> None:
    engine = start_engine(settings_with(service, collector, tmp_path / "spool"))
    shown = {PLAIN_KEY, API_KEY, KEY, OLD_KEY, PASSPHRASE, SIGNING, NEXT_SIGNING, ISSUER_SECRET}
    shown |= {HOOKS_SECRET, KEY_OF_THE_SERVICE, KEY_OF_THE_COLLECTOR}
    answers: list[str] = []
    with publishing(ffmpeg, media.h264, f"{engine.rtmp_url(NAME)}?key={PLAIN_KEY}"):
        engine.log.wait_for("access_granted")
        for query in queries():
            shown |= {value for values in parse_qs(query).values() for value in values if len(value) > 12}
            answers += knock_everywhere(engine, query)
        answers.append(ban_a_key(engine))
        answers += ask_the_api(engine)
        for name in ("publish", "play"):
            collector.wait_for(name)
    answers += [engine.metrics(), str(engine.log), str(service.bodies), str(collector.spans)]
    for number, answer in enumerate(answers):
        assert [one for one in shown if one in answer or quote(one) in answer] == [], f"answer {number}"
    # The service's own address is told to nobody, but the spool has to know where to send what waits.
    spooled = b"".join(file.read_bytes() for file in (tmp_path / "spool").iterdir())
    assert [one for one in shown if one.encode() in spooled] == [KEY_OF_THE_SERVICE]
    assert service.unsigned == 0
    granted = [line for line in engine.log.lines if line.get("event") == "access_granted"]
    assert {"studio", "now", "viewer-17", "publish_key"} <= {line["key"] for line in granted}
    refused = [line for line in engine.log.lines if line.get("event") == "access_refused"]
    assert {"guest", "now"} <= {line["key"] for line in refused}
    check_every_answer_has_its_line(engine, "".join(answers))
    told = [line for line in engine.log.lines if line.get("event") == "play_refused"]
    assert {"rtmp", "srt", "http-flv", "hls"} <= {line["protocol"] for line in told}
    assert {line["stream"] for line in told} <= {NAME, ""}


def check_every_answer_has_its_line(engine: RunningEngine, answers: str) -> None:
    """Wait for the lines: an answer is a moment ahead of its own."""
    given = set(re.findall(r"'x-request-id': '([^']+)'", answers))
    assert len(given) > len(queries())
    for request_id in given:
        engine.log.wait_for("request", where=lambda line, wanted=request_id: line["request_id"] == wanted)  # type: ignore[misc]


def queries() -> list[str]:
    """Everything that opens, and everything that does not."""
    good = [
        credential(kind, action, NAME)
        for kind in ("key", "signature", "jwt")
        for action in ("play", "publish")
    ]
    return [*good, *(query for query, _ in refused_credentials("play", NAME).values() if query)]


def knock_everywhere(engine: RunningEngine, query: str) -> list[str]:
    """Show it at every door; what HTTP answers, but for media itself."""
    for verb in ("play", "publish"):
        trio.run(knock_rtmp, engine, verb, query)
    with ExitStack() as callers:
        house = House(engine, callers)
        for mode in ("read", "publish"):
            house.caller(f"{mode}:{NAME}?{query}", passphrase=PASSPHRASE, key_bytes=16).outcome()
    base = f"http://{engine.addresses['http']}"
    answers = []
    for path in (f"{NAME}.flv", f"{NAME}.m3u8", f"play/{NAME}", "", "nothing/at/all"):
        with httpx.stream("GET", f"{base}/{path}?{query}", timeout=PATIENCE_S) as answer:
            if answer.headers["content-type"].startswith("text/plain"):
                answer.read()
                answers.append(f"{answer.headers} {answer.text}")
            else:
                answers.append(str(answer.headers))
    return answers


async def knock_rtmp(engine: RunningEngine, verb: str, query: str) -> None:
    with trio.move_on_after(0.5):  # who is let in is not told to go
        await exchange(engine, "rtmp", rtmp_request(verb, "guarded", f"secret?{query}"))  # type: ignore[arg-type]


def ask_the_api(engine: RunningEngine) -> list[str]:
    """What it says to those who may ask, and to those who may not."""
    answers = []
    for key in (API_KEY, OLD_KEY, "a-wrong-key-of-some-length"):
        for path, wanted in LISTS.items():
            answer = httpx.get(
                engine.api_url(path), headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE_S
            )
            assert answer.status_code == (200 if key == API_KEY else 401)
            answers.append(f"{answer.headers} {answer.text}")
            assert key != API_KEY or answer.json()[wanted], path
    return answers


def ban_a_key(engine: RunningEngine) -> str:
    """By its name, as keys are banned; gives the answer."""
    wanted = {"kind": "key", "value": "guest", "reason": "it was found on the street"}
    headers = {"Authorization": f"Bearer {API_KEY}"}
    answer = httpx.post(engine.api_url("bans"), json=wanted, headers=headers, timeout=PATIENCE_S)
    assert answer.status_code == 201
    return answer.text
