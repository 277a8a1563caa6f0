"""The API and the metrics ask who it is: real requests, `fanlight top`, and an engine that will not start
open.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import httpx

from bench.metrics_text import samples
from engine.config.key_table import hash_line
from engine.config.secret import digest
from tests.e2e.conftest import StartEngine
from tests.e2e.engine_process import RunningEngine, Settings, to_toml
from tests.e2e.guarded_engine import API_KEY, guarded_settings
from tests.engine.access.guarded import fresh_token

PATIENCE_S: Final = 20.0
SCRAPER_KEY: Final = "prometheus-has-a-key-too"
FANLIGHT: Final = Path(sys.executable).with_name("fanlight")


def settings() -> Settings:
    return guarded_settings() | {
        "api": {"access": ["key", "jwt"]},
        "api.keys": {"operator": hash_line(digest(API_KEY), None)},
        "metrics.keys": {"prometheus": hash_line(digest(SCRAPER_KEY), None)},
    }


def get(url: str, key: str = "") -> httpx.Response:
    return httpx.get(url, headers={"Authorization": f"Bearer {key}"} if key else {}, timeout=PATIENCE_S)


def test_each_port_has_its_own_keys_and_health_has_none(start_engine: StartEngine) -> None:
    engine = start_engine(settings())
    streams, metrics = engine.api_url("streams"), f"http://{engine.addresses['metrics']}"
    told = {
        "api": [get(streams, key).status_code for key in ("", "wrong", SCRAPER_KEY, API_KEY)],
        "metrics": [
            get(f"{metrics}/metrics", key).status_code for key in ("", "wrong", API_KEY, SCRAPER_KEY)
        ],
        "tokens": [
            get(streams, fresh_token(actions=[one])).status_code for one in ("play", "metrics", "api")
        ],
        "health": [get(f"{metrics}/{path}").status_code for path in ("healthz", "readyz")],
    }
    assert told == {
        "api": [401, 401, 401, 200],
        "metrics": [401, 401, 401, 200],
        "tokens": [403, 403, 200],
        "health": [200, 200],
    }
    assert httpx.get(streams, auth=("operator", API_KEY), timeout=PATIENCE_S).status_code == 200
    figures = samples(get(f"{metrics}/metrics", SCRAPER_KEY).text)
    name = "fanlight_control_refusals_total"
    assert {key: count for key, count in figures.items() if key.startswith(name)} == {
        f'{name}{{port="api",reason="key_missing"}}': 1,
        f'{name}{{port="api",reason="key_wrong"}}': 2,
        f'{name}{{port="api",reason="wrong_action"}}': 2,
        f'{name}{{port="metrics",reason="key_missing"}}': 1,
        f'{name}{{port="metrics",reason="key_wrong"}}': 2,
    }


def test_top_takes_its_key_from_the_environment(start_engine: StartEngine) -> None:
    engine = start_engine(settings())
    without, with_key = top(engine, {}), top(engine, {"FANLIGHT_TOP_KEY": API_KEY})
    assert (without.returncode, "FANLIGHT_TOP_KEY" in without.stderr) == (1, True)
    assert with_key.returncode == 0, with_key.stderr


def top(engine: RunningEngine, more: dict[str, str]) -> subprocess.CompletedProcess[str]:
    arguments: list[str | Path] = [FANLIGHT, "top", "--once", "--api", f"http://{engine.addresses['api']}"]
    return subprocess.run(
        arguments, env=os.environ | more, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def test_an_engine_does_not_start_with_a_port_that_is_open_to_all(tmp_path: Path) -> None:
    for section in ("api", "metrics"):
        config = tmp_path / f"{section}.toml"
        config.write_text(to_toml({section: {"listen": "0.0.0.0:0"}}))
        ran = subprocess.run(
            [FANLIGHT, "serve", "--config", config],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert ran.returncode == 1
        assert f"{section}.listen: 0.0.0.0:0 can be reached from outside" in ran.stderr
