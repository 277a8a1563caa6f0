"""Every alert fires when it should, says what is wrong, stays silent just below, recovers: by promtool."""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml

from tests.monitoring.cases import CASES
from tests.monitoring.cases.case import Case, Series
from tests.monitoring.committed import PROMETHEUS, RULE_FILES, Json, Rule, alerts, rules
from tests.monitoring.promql import series_in
from tests.monitoring.timelines import SCRAPE_S, steady
from tests.monitoring.tools import content, run

SICK: Final = "sick:9972"
WELL: Final = "well:9972"
SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


def of_engine(instance: str, series: Series) -> list[dict[str, str]]:
    """Input series of one engine; it is scraped all the time, unless the case says otherwise."""
    return [
        {"series": labelled(name, instance), "values": values}
        for name, values in {"up": steady(1), **series}.items()
    ]


def labelled(name: str, instance: str) -> str:
    """A series with the labels of its target."""
    bare, _, labels = name.rstrip("}").partition("{")
    return f'{bare}{{{labels}{", " if labels else ""}job="fanlight", instance="{instance}"}}'


def wait_s(case: Case) -> int:
    """How long what is wrong must last before the alert fires."""
    wait = str(alerts()[case.alert].body.get("for", "0s"))
    return int(wait[:-1]) * SECONDS[wait[-1]]


def expected(case: Case) -> dict[str, Any]:
    """The one alert that fires."""
    body = alerts()[case.alert].body
    target = {"job": "fanlight", "instance": SICK} if case.of_instance else {}
    notes = {**body["annotations"], "description": case.says}
    return {"exp_labels": {**body["labels"], **target, **case.labels}, "exp_annotations": notes}


def looks(case: Case) -> list[dict[str, Any]]:
    """When the alert is looked at, and what there must be."""
    waited_s = max(0, wait_s(case) - SCRAPE_S) if wait_s(case) else -SCRAPE_S
    before_s = case.began_min * 60 + waited_s
    moments = {before_s: [], case.fires_min * 60: [expected(case)], case.recovered_min * 60: []}
    return [
        {"eval_time": f"{seconds:.0f}s", "alertname": case.alert, "exp_alerts": alerts_then}
        for seconds, alerts_then in moments.items()
    ]


def needed(name: str) -> list[Rule]:
    """An alert's rule or a recording's, after all that they read: cases are quick without the others."""
    found = [rule for rule in rules() if rule.name == name]
    read = [series.name for rule in found for series in series_in(rule.expr) if series.is_recorded]
    before = [rule for other in dict.fromkeys(read) for rule in needed(other)]
    return [*before, *(rule for rule in found if rule not in before)]


class Subject(NamedTuple):
    """Cases that share a file: an alert's, and where it is about objectives those of one."""

    alert: str
    slo: str | None

    @property
    def name(self) -> str:
        return f"{self.alert}_{self.slo}" if self.slo else self.alert

    @property
    def cases(self) -> list[Case]:
        return [case for case in CASES if subject_of(case) == self]

    def concerns(self, body: Json) -> bool:
        """Whether a rule is about this objective or about none; without the others cases take no time."""
        return body.get("labels", {}).get("slo") in (None, self.slo)


def subject_of(case: Case) -> Subject:
    return Subject(case.alert, case.labels.get("slo"))


SUBJECTS: Final = tuple(dict.fromkeys(map(subject_of, CASES)))


def write_rules(path: Path, subject: Subject, numb: bool) -> None:
    """A file with the rules needed in one group; a numb alert asks for what is never so, and needs none."""
    if numb:
        bodies = [{**alerts()[subject.alert].body, "expr": "vector(0) > 1"}]
    else:
        found = {id(rule.body): rule.body for rule in needed(subject.alert)}.values()
        bodies = [body for body in found if subject.concerns(body)]
    path.write_text(yaml.safe_dump({"groups": [{"name": "case", "rules": bodies}]}, sort_keys=False))


def group_of(case: Case) -> dict[str, Any]:
    well = of_engine(WELL, case.well) if case.of_instance else []
    return {
        "name": case.alert,
        "interval": f"{SCRAPE_S}s",
        "input_series": of_engine(SICK, case.sick) + well,
        "alert_rule_test": looks(case),
    }


def write_tests(folder: Path, *, numb: bool = False) -> list[Path]:
    """A file of tests for each subject, beside a file with the rules that it needs. JSON is YAML too."""
    paths = []
    for subject in SUBJECTS:
        write_rules(folder / f"{subject.name}_rules.yml", subject, numb)
        document = {
            "rule_files": [f"{subject.name}_rules.yml"],
            "evaluation_interval": f"{SCRAPE_S}s",
            "tests": [group_of(case) for case in subject.cases],
        }
        paths.append(folder / f"{subject.name}.yml")
        paths[-1].write_text(json.dumps(document, indent=1))
    return paths


def test_every_alert_has_a_case() -> None:
    assert {case.alert for case in CASES} == set(alerts())


def test_the_configuration_and_its_rules_are_right() -> None:
    said = content("promtool", "check", "config", PROMETHEUS / "prometheus.yml")
    assert f"{len(RULE_FILES)} rule files found" in said


@pytest.mark.slow
def test_alerts_fire_say_what_is_wrong_stay_silent_and_recover(tmp_path: Path) -> None:
    said = content("promtool", "test", "rules", *write_tests(tmp_path))
    assert said.count("SUCCESS") == len(SUBJECTS)


@pytest.mark.slow
def test_each_case_would_notice_an_alert_that_never_fires(tmp_path: Path) -> None:
    done = run("promtool", "test", "rules", *write_tests(tmp_path, numb=True))
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert said.count("got:[]") == len(CASES), said
