"""Dashboards, quantile rules and the page of names: what is committed is what `make dashboards` writes."""

import pytest

from monitoring.files import files
from tests.house.source import ROOT
from tests.monitoring.committed import DASHBOARD_FILES

FILES = files()


@pytest.mark.parametrize("path", FILES)
def test_the_file_is_what_is_written_from_the_catalogue(path: str) -> None:
    assert (ROOT / path).read_text() == FILES[path], "run make dashboards"


def test_no_dashboard_is_left_from_earlier() -> None:
    assert {str(file.relative_to(ROOT)) for file in DASHBOARD_FILES} <= set(FILES)
