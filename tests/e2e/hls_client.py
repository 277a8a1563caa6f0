"""A client of Low-Latency HLS: reloads the playlist as players do and writes down what it was told."""

import re
import time
from collections.abc import Callable
from typing import Final, Self

import httpx

from tests.e2e.engine_process import RunningEngine
from tests.engine.hls.rules import Fetch

TIMEOUT_S: Final = 30.0
PATIENCE_S: Final = 60.0  # for what must come; a loaded machine of two cores needs a tenth
LOOK_S: Final = 0.1
HINT: Final = re.compile(r'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="([0-9a-f]+-(\d+)\.(\d+)\.m4s)"')


class HlsClient:
    """Watches the media playlist of one stream."""

    def __init__(self, engine: RunningEngine, name: str) -> None:
        self.base = f"http://{engine.addresses['http']}/{name}"
        self.name = name
        self.http = httpx.Client(timeout=TIMEOUT_S)
        self.fetches: list[Fetch] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, file: str, **fields: str) -> httpx.Response:
        """Whatever is beside the playlist; `fields` are of the head."""
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        return self.http.get(f"{self.base}/{file}", headers=headers)

    def reload(self, **asked: str) -> str:
        """Fetch the playlist with these directives."""
        text = self._try_to_reload(asked)
        assert text is not None
        return text

    def _try_to_reload(self, asked: dict[str, str]) -> str | None:
        """The playlist; None where what was asked for did not come in time."""
        answer = self.http.get(f"{self.base}/media.m3u8", params=asked)
        if answer.status_code == 503 and asked:
            return None
        assert answer.status_code == 200, answer.text
        self.fetches.append(Fetch(time.monotonic(), answer.text, asked))
        return answer.text

    def follow(self, reloads: int, skip: bool = False) -> str:
        """Reload so often, each time waiting for the part that was hinted at; the last playlist."""
        text = self.fetches[-1].text if self.fetches else self.reload()
        for _ in range(reloads):
            hinted = HINT.search(text)
            if hinted is None:
                return text
            asked = {"_HLS_msn": hinted[2], "_HLS_part": hinted[3]}
            text = self.reload(**asked, **({"_HLS_skip": "YES"} if skip else {}))
        return text

    def follow_until(self, true: Callable[[str], bool], skip: bool = False) -> str:
        """Reload as `follow` does until the playlist is so, also while the stream has gone for a while."""
        text, deadline_s = self.reload(), time.monotonic() + PATIENCE_S
        while not true(text):
            assert time.monotonic() < deadline_s, text
            hinted = HINT.search(text)
            asked = {"_HLS_msn": hinted[2], "_HLS_part": hinted[3]} if hinted else {}
            text = self._try_to_reload(asked | ({"_HLS_skip": "YES"} if skip and hinted else {})) or text
            if not hinted:
                time.sleep(LOOK_S)
        return text

    @property
    def hint(self) -> str:
        """The part that the newest playlist announces."""
        hinted = HINT.search(self.fetches[-1].text)
        assert hinted is not None
        return hinted[1]

    def segments(self) -> list[str]:
        """Names of the segments in the newest playlist."""
        return re.findall(r"^[0-9a-f]+-\d+\.(?:m4s|ts)$", self.fetches[-1].text, re.MULTILINE)
