"""Who is woken by an alert finds its section, and finds on the dashboards what the section speaks of."""

import re
import shlex
from typing import Final

import pytest

from tests.house.source import ROOT
from tests.house.test_logs_page import events
from tests.monitoring.committed import alerts, dashboards
from workers.cli import _parser

PAGE: Final = (ROOT / "docs" / "runbooks.md").read_text()
SECTIONS: Final = {
    section.partition("\n")[0]: section.partition("\n")[2]
    for section in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
}
TITLES: Final = {panel["title"] for dashboard in dashboards().values() for panel in dashboard["panels"]}


def test_every_alert_has_its_section_and_none_is_stale() -> None:
    assert sorted(SECTIONS) == sorted(alerts())


def test_alerts_lead_to_their_sections() -> None:
    links = {name: rule.body["annotations"]["runbook"] for name, rule in alerts().items()}
    assert links == {name: f"docs/runbooks.md#{name.lower()}" for name in alerts()}


@pytest.mark.parametrize("name", SECTIONS)
def test_sections_say_what_it_means_where_to_look_and_what_to_do(name: str) -> None:
    assert [word for word in ("**Means:**", "**Look:**", "**Do:**") if word not in SECTIONS[name]] == []


@pytest.mark.parametrize("name", SECTIONS)
def test_sections_speak_of_alerts_and_panels_that_there_are(name: str) -> None:
    assert set(re.findall(r"\bFanlight[A-Z]\w+", SECTIONS[name])) <= set(alerts())
    looks = SECTIONS[name].partition("**Look:**")[2].partition("**Do:**")[0]
    assert {title.strip("*") for title in re.findall(r"(?<!\*)\*[^*]+\*(?!\*)", looks)} <= TITLES


def test_the_log_is_searched_for_events_that_there_are() -> None:
    searched = re.findall(r"\blog (?:for|line) ((?:`[^`]+`(?:, | or | and )?)+)", PAGE)
    named = {name for names in searched for name in re.findall(r"`([^`]+)`", names)}
    assert {"reload_refused", "worker_died"} <= named
    assert named <= events().keys()


def test_its_commands_are_understood() -> None:
    commands = set(re.findall(r"`(fanlight [^`]+)`", PAGE))
    assert commands
    for command in commands:
        assert _parser().parse_args(shlex.split(command)[1:]).command in command
