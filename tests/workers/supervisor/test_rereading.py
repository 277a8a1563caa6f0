"""Reading the configuration again: what is refused leaves the one from before in force."""

from pathlib import Path

import structlog
from structlog.testing import capture_logs

from engine.config import Config
from workers.supervisor.reload import reread


def keys_for(paths: int) -> str:
    """So many paths with a full table of keys each."""
    keys = "\n".join(f'{"k" * 60}{number:02} = {{allowed_codecs = "h264,aac"}}' for number in range(64))
    return "\n".join(f'[paths."live{number}/*".key_limits]\n{keys}' for number in range(paths))


def test_a_configuration_that_no_packet_to_a_worker_holds_is_refused(tmp_path: Path) -> None:
    running, file = Config(), tmp_path / "fanlight.toml"
    file.write_text(keys_for(paths=40))
    with capture_logs() as logs:
        outcome = reread(running, str(file), {}, structlog.get_logger())
    assert (outcome.config, outcome.result) == (running, "refused")
    (entry,) = logs
    assert entry["event"] == "reload_refused"
    assert entry["problems"][0].startswith("Reload of ")


def test_ten_paths_with_full_tables_of_keys_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "fanlight.toml"
    file.write_text(keys_for(paths=10))
    outcome = reread(Config(), str(file), {}, structlog.get_logger())
    assert outcome.result == "applied"
    assert len(outcome.config.paths) == 10
