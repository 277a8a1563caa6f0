"""Alertmanager takes the configuration, and each alert finds the people whom it concerns: by amtool."""

import re
from typing import Any, Final

import pytest
import yaml

from tests.monitoring.committed import ALERTMANAGER, alerts
from tests.monitoring.tools import content

CONFIG: Final = ALERTMANAGER / "alertmanager.yml"
WORDS: Final[dict[str, Any]] = yaml.safe_load(CONFIG.read_text())


def receiver_of(**labels: str) -> str:
    """The receivers of an alert with these labels."""
    written = [f"{label}={value}" for label, value in labels.items()]
    return content("amtool", "config", "routes", "test", f"--config.file={CONFIG}", *written).strip()


def test_amtool_finds_nothing_wrong() -> None:
    said = content("amtool", "check-config", CONFIG)
    assert "1 templates" in said
    assert "3 receivers" in said


@pytest.mark.parametrize(
    ("severity", "component", "receiver"),
    [
        ("critical", "engine", "everybody"),
        ("critical", "media", "everybody"),
        ("critical", "slo", "everybody"),
        ("warning", "media", "slack"),
        ("warning", "srt", "slack"),
        ("warning", "hls", "slack"),
        ("warning", "slo", "mail"),
        ("warning", "engine", "mail"),
        ("warning", "hooks", "mail"),
    ],
)
def test_alerts_find_whom_they_concern(severity: str, component: str, receiver: str) -> None:
    assert receiver_of(severity=severity, component=component, alertname="Any") == receiver


def test_every_alert_is_of_a_component_that_was_thought_of() -> None:
    known = {"engine", "machine", "media", "srt", "hls", "hooks", "slo"}
    assert {rule.body["labels"]["component"] for rule in alerts().values()} == known


def test_everybody_is_told_by_mail_slack_and_dingtalk() -> None:
    everybody = next(one for one in WORDS["receivers"] if one["name"] == "everybody")
    assert {"email_configs", "slack_configs", "webhook_configs"} <= set(everybody)


def test_inhibitions_name_alerts_that_there_are() -> None:
    for rule in WORDS["inhibit_rules"]:
        for matcher in rule["source_matchers"] + rule["target_matchers"]:
            names = matcher.partition('"')[2].rstrip('"')
            assert names == "Fanlight.*" or set(names.split("|")) <= set(alerts()), matcher


def test_no_secret_stands_in_the_file() -> None:
    secrets = re.findall(
        r"^\s*(\w*(?:password|secret|token|api_url|credentials)\w*):", CONFIG.read_text(), re.MULTILINE
    )
    assert secrets
    assert [key for key in secrets if not key.endswith("_file")] == []
