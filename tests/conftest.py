"""Rules that hold for every test: none hangs, none is skipped unseen, random ones can be repeated."""

import faulthandler
import os
from collections.abc import Generator
from pathlib import Path

import imageio_ffmpeg
import pytest
from hypothesis import HealthCheck, settings

# Long enough for a loaded machine of two cores; the slowest test takes a tenth of it.
HARD_TIMEOUT_S = 120.0

STDERR = pytest.StashKey[int]()

# Every run of the short form tries the same examples, so that a red run is red for its change alone.
settings.register_profile("ci", derandomize=True, max_examples=60, deadline=None)
settings.register_profile(
    "nightly",
    max_examples=5_000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("nightly" if "NIGHTLY" in os.environ else "ci")


def pytest_configure(config: pytest.Config) -> None:
    """Keep the real standard error, which pytest replaces while a test runs."""
    config.stash[STDERR] = os.dup(2)


def pytest_unconfigure(config: pytest.Config) -> None:
    faulthandler.cancel_dump_traceback_later()
    os.close(config.stash[STDERR])


def start_clock(item: pytest.Item) -> None:
    """Print every thread's stack and end the whole run if this phase of the test is not over in time."""
    marker = item.get_closest_marker("hard_timeout")
    seconds = float(marker.args[0]) if marker else HARD_TIMEOUT_S
    faulthandler.dump_traceback_later(seconds, exit=True, file=item.config.stash[STDERR])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    start_clock(item)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    # A failure has stopped the clock (pytest does so for debuggers), and tearing down may hang as well.
    start_clock(item)


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure where CI is set: there, what did not run has proved nothing."""
    if "CI" in os.environ and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which counts as a failure in CI: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    refuse_skip(report)
    return report


@pytest.fixture(scope="session")
def ffmpeg() -> Path:
    """The ffmpeg with RTMP, x264 and x265 that a wheel brings along."""
    return Path(imageio_ffmpeg.get_ffmpeg_exe())
