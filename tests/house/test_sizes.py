"""Small rooms: files, functions and their usual sizes stay within what a reader takes in at once."""

import statistics

import pytest

from tests.house.source import CODE, ROOT, STOREYS, functions, modules

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_P90_FUNCTION_LINES = 30
MAX_MEDIAN_FUNCTION_LINES = 8


def test_no_file_is_longer_than_the_cap() -> None:
    sizes = {str(module.path.relative_to(ROOT)): module.text.count("\n") for module in modules(*CODE)}
    assert {path: lines for path, lines in sizes.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_the_cap() -> None:
    assert {
        str(function): function.span for function in functions(*CODE) if function.span > MAX_FUNCTION_LINES
    } == {}


@pytest.mark.parametrize("storey", STOREYS)
def test_functions_are_small_as_a_rule(storey: str) -> None:
    lines = [function.lines for function in functions(storey)]
    assert statistics.median(lines) <= MAX_MEDIAN_FUNCTION_LINES
    assert statistics.quantiles(lines, n=10)[-1] <= MAX_P90_FUNCTION_LINES
