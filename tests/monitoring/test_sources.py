"""What metrics of other systems are called here: names that exist, and reserved ones that do not."""

import re

import pytest

from engine.metrics import CATALOGUE
from monitoring.sources import RESERVED, SOURCES, Source, names_page
from monitoring.sources.name import Name

EXPORTED = {metric.name for metric in CATALOGUE}
WAITING = [one for _, group in RESERVED for one in group]
EVERY_NAME = [pytest.param(name, id=name.name) for source in SOURCES for name in source.names]


@pytest.mark.parametrize("name", EVERY_NAME)
def test_a_name_leads_to_ours(name: Name) -> None:
    assert name.ours
    assert set(name.ours) <= EXPORTED | {one.name for one in WAITING}


@pytest.mark.parametrize("name", EVERY_NAME)
def test_what_to_ask_for_can_be_asked_today(name: Name) -> None:
    asked = {re.sub("_bucket$", "", word) for word in re.findall(r"fanlight_\w+", name.how)}
    assert asked <= EXPORTED


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.title)
def test_no_name_is_told_twice(source: Source) -> None:
    assert len({name.name for name in source.names}) == len(source.names)


def test_what_is_reserved_is_not_exported() -> None:
    names = [one.name for one in WAITING]
    assert len(set(names)) == len(names)
    assert not set(names) & EXPORTED
    assert all(one.name.endswith("_total") == (one.kind == "counter") for one in WAITING)
    assert all(one.panels for one in WAITING)


def test_the_page_has_every_reserved_name() -> None:
    page = names_page(SOURCES, RESERVED, CATALOGUE)
    assert all(f"`{one.name}`" in page for one in WAITING)


def test_a_name_that_leads_nowhere_is_refused() -> None:
    lost = Source("Lost", "", (Name("a_total", (), ("fanlight_nothing",)),))
    with pytest.raises(KeyError):
        names_page((lost,), RESERVED, CATALOGUE)
