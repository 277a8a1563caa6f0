"""The Dockerfile and compose.yaml, as far as they can be judged without a Docker engine."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from engine.config import Config
from tests.deploy.containers import is_sent, read_dockerfile, stages
from tests.deploy.units import seconds, service
from tests.house.source import ROOT
from workers.supervisor.descriptors import needed
from workers.supervisor.limits import KILL_PATIENCE_S

DOCKERFILE: Final = read_dockerfile()
BUILD, FINAL = stages(DOCKERFILE)
IGNORED: Final = [
    line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")
]
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
PINNED: Final = re.compile(r"[\w./-]+:v?\d+\.\d+\.\d+(-[\w.-]+)?")
DAYS: Final = 30
MANY_WORKERS: Final = 256


def instructions(word: str) -> list[list[str]]:
    """The arguments of all instructions with this word, options left out."""
    return [instruction.arguments for instruction in DOCKERFILE if instruction.word == word]


def mounts(name: str) -> list[tuple[str, str, bool]]:
    """Source, target and whether it is read-only, of each volume of a service."""
    rows = (volume.split(":") for volume in SERVICES[name]["volumes"])
    return [(row[0], row[1], row[2:] == ["ro"]) for row in rows]


def test_every_image_is_pinned_to_a_version() -> None:
    names = [words[0] for words in instructions("FROM")]
    names += [entry["image"] for entry in SERVICES.values() if "build" not in entry]
    assert [name for name in names if not PINNED.fullmatch(name)] == []


def test_the_last_stage_has_the_python_that_the_environment_was_made_with() -> None:
    assert BUILD[0].arguments[0] == FINAL[0].arguments[0]


def test_the_image_runs_as_a_number_that_is_not_root() -> None:
    users = [instruction.rest for instruction in FINAL if instruction.word == "USER"]
    assert users == ["10001:10001"]
    last_written = max(number for number, each in enumerate(FINAL) if each.word in ("RUN", "COPY"))
    assert [each.word for each in FINAL].index("USER") > last_written


def test_nothing_is_fetched_past_the_lock() -> None:
    assert instructions("ADD") == []
    commands = " ".join(" ".join(words) for words in instructions("RUN"))
    assert not re.search(r"curl|wget|apt-get|https?:", commands)
    installs = re.findall(r"pip install [^&]*", commands)
    assert installs
    assert all("--require-hashes" in install or "--no-index" in install for install in installs)


def test_all_that_is_copied_is_there_and_sent_to_the_builder() -> None:
    copies = [each for each in DOCKERFILE if each.word == "COPY" and "from" not in each.options]
    sources = [source for each in copies for source in each.arguments[:-1]]
    assert {"requirements.lock", "workers", "configs/fanlight.toml"} <= set(sources)
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [source for source in sources if not is_sent(source, IGNORED)] == []


@pytest.mark.parametrize(
    "path", ["secrets/grafana_admin_password", ".git/config", ".venv/pyvenv.cfg", "tests"]
)
def test_the_builder_never_sees(path: str) -> None:
    assert not is_sent(path, IGNORED)


def test_the_health_check_asks_where_the_engine_answers() -> None:
    (check,) = (instruction for instruction in FINAL if instruction.word == "HEALTHCHECK")
    assert f"http://{Config().metrics.listen}/healthz" in check.rest
    program = json.loads(check.rest.removeprefix("CMD "))
    assert program[:2] == ["/opt/fanlight/bin/python", "-c"]
    compile(program[2], "HEALTHCHECK", "exec")


def test_the_image_opens_the_ports_of_players_and_publishers() -> None:
    config = Config()
    streams = (config.rtmp.listen, config.tls.rtmps, config.http.listen, config.tls.https)
    (exposed,) = instructions("EXPOSE")
    assert exposed == [*(str(listen.port) for listen in streams), f"{config.srt.listen.port}/udp"]


def test_the_compose_file_is_one() -> None:
    program = str(Path(sys.executable).with_name("check-jsonschema"))
    command = [program, "--builtin-schema", "vendor.compose-spec", str(ROOT / "compose.yaml")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_write_only_where_it_is_told(name: str) -> None:
    entry = SERVICES[name]
    assert entry["read_only"]
    assert entry["cap_drop"] == ["ALL"]
    assert entry["security_opt"] == ["no-new-privileges:true"]
    assert all(source in COMPOSE["volumes"] for source, _, read_only in mounts(name) if not read_only)
    assert "privileged" not in entry
    assert not entry.get("user", "10001").startswith("0")


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_are_folders_of_the_project(name: str) -> None:
    """A file that is mounted stays what it was when an editor puts a new one in its place."""
    sources = [source for source, _, read_only in mounts(name) if read_only]
    assert [source for source in sources if not (ROOT / source).is_dir()] == []


@pytest.mark.parametrize("name", ["fanlight", "prometheus", "alertmanager"])
def test_configurations_are_where_their_readers_look(name: str) -> None:
    words = SERVICES[name].get("command") or json.loads(FINAL[-1].rest)
    (config,) = re.findall(r"(?:--config\.file=|--config )(\S+)", " ".join(words))
    inside = [
        ROOT / source / config[len(target) + 1 :]
        for source, target, _ in mounts(name)
        if config.startswith(f"{target}/")
    ]
    assert [path.is_file() for path in inside] == [True]


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_is_mounted_into_what_is_read_only(name: str) -> None:
    """There is no place for it there, and the container does not start."""
    given = [each["target"] for each in secrets(name) if isinstance(each, dict)]
    places = [*given, *(target for _, target, _ in mounts(name))]
    read_only = [target for _, target, is_read_only in mounts(name) if is_read_only]
    assert [place for place in places for folder in read_only if place.startswith(f"{folder}/")] == []


def test_prometheus_keeps_thirty_days() -> None:
    (days,) = re.findall(r"retention\.time=(\d+)d", " ".join(SERVICES["prometheus"]["command"]))
    assert int(days) >= DAYS


def test_secrets_come_from_files_that_are_in_no_commit() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    files = {name: secret["file"] for name, secret in COMPOSE["secrets"].items()}
    assert files == {name: f"./secrets/{name}" for name in files}
    assert "secrets/" in ignored
    used = {each["source"] if isinstance(each, dict) else each for name in SERVICES for each in secrets(name)}
    assert used == files.keys()


def secrets(name: str) -> list[Any]:
    """What a service is given of them."""
    given: list[Any] = SERVICES[name].get("secrets", [])
    return given


def test_dashboards_rules_and_targets_are_where_their_readers_look() -> None:
    providers = ROOT / "configs" / "grafana" / "provisioning" / "dashboards" / "fanlight.yml"
    (provider,) = yaml.safe_load(providers.read_text())["providers"]
    assert provider["options"]["path"] in [target for _, target, _ in mounts("grafana")]
    alertmanager = (ROOT / "configs" / "alertmanager" / "alertmanager.yml").read_text()
    asked_for = set(re.findall(r"_file: (\S+)", alertmanager))
    assert asked_for == {each["target"] for each in secrets("alertmanager")}


def test_the_engine_has_the_time_the_descriptors_and_the_memory_that_it_needs() -> None:
    engine, config = SERVICES["fanlight"], Config()
    assert seconds(engine["stop_grace_period"]) > config.workers.drain_s + KILL_PATIENCE_S
    assert engine["ulimits"]["nofile"]["hard"] == int(service("LimitNOFILE")) >= needed(config, MANY_WORKERS)
    assert int(engine["shm_size"].removesuffix("m")) * 2**20 > config.hls.folder_bytes
