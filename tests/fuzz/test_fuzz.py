"""Bytes that went wrong, a thousand here and a hundred thousand at night, for everything that reads bytes."""

import secrets

import pytest

from tests.fuzz.house_targets import HOUSE_TARGETS
from tests.fuzz.media_targets import MEDIA_TARGETS
from tests.fuzz.rtmp_targets import RTMP_TARGETS
from tests.fuzz.stream_targets import STREAM_TARGETS
from tests.fuzz.target import INPUTS, NIGHTLY, Target, fuzz
from tests.fuzz.web_targets import WEB_TARGETS

TARGETS = (*RTMP_TARGETS, *WEB_TARGETS, *MEDIA_TARGETS, *STREAM_TARGETS, *HOUSE_TARGETS)

# Nightly runs go elsewhere each time; a failure says where it was.
SEED: int | str = secrets.token_hex(8) if NIGHTLY else 1


@pytest.mark.slow
@pytest.mark.hard_timeout(3600 if NIGHTLY else 120)
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_only_what_the_protocol_calls_an_error_comes_of_any_bytes(target: Target) -> None:
    assert fuzz(target, SEED) == len(target.corpus()) + INPUTS
