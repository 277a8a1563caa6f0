"""Readings of an SRT connection keep names and values on the way to the record, the API and counters."""

import msgspec
import pytest

from engine.metrics import CATALOGUE, LABELS
from engine.protocols.srt.key_material import CipherMode
from engine.protocols.srt.keys import generate_keys
from engine.protocols.srt.rtt import Rtt
from engine.protocols.srt.statistics import Statistics
from shm.directory import LinkEncryption
from workers.runtime.link_figures import Figures, received_figures
from workers.runtime.srt_readings import encryption_of, grown, link_stats, measured, packets, sent_figures

NAMES = Statistics.__struct_fields__
READING = Statistics(**{name: 100 + number for number, name in enumerate(NAMES)})
"""No two figures are equal, so none can stand in another's place unseen."""


@pytest.mark.parametrize("told", [received_figures(link_stats(READING, None)), sent_figures(READING, None)])
def test_a_name_of_the_library_has_its_value(told: Figures) -> None:
    named = {name: value for name, value in told.items() if name in NAMES and name != "peerVersion"}
    assert named == {name: pytest.approx(getattr(READING, name)) for name in named}
    assert told.keys() - named.keys() == {"encryption", "peerVersion"}
    assert {"msRTTVar", "pktCongestionWindow"} <= named.keys()


@pytest.mark.parametrize("key_bytes", [16, 24, 32])
@pytest.mark.parametrize("mode", [CipherMode.CTR, CipherMode.GCM])
def test_keys_tell_how_a_connection_is_encrypted(key_bytes: int, mode: CipherMode) -> None:
    keys = generate_keys("0123456789", key_bytes, mode, bytes(32))
    assert encryption_of(keys).name == f"AES_{key_bytes * 8}_{mode.name}"
    assert link_stats(READING, keys).encryption == encryption_of(keys)


def test_no_keys_are_no_encryption() -> None:
    assert encryption_of(None) is LinkEncryption.NONE
    assert sent_figures(READING, None)["encryption"] == "none"


def test_counters_take_what_has_come_since() -> None:
    before = packets(READING)
    now = {**before, ("in", "lost"): before["in", "lost"] + 3}
    assert grown(now, before) == {("in", "lost"): 3}
    assert grown(before, {}) == before


def test_every_kind_is_in_the_catalogue() -> None:
    directions, kinds = ({key[place] for key in packets(READING)} for place in (0, 1))
    assert directions == set(LABELS["direction"])
    assert kinds == set(LABELS["kind"])


def test_what_is_measured_has_a_histogram_in_its_unit() -> None:
    assert measured(READING) == {
        "fanlight_srt_rtt_seconds": READING.msRTT / 1000,
        "fanlight_srt_bandwidth_bits_per_second": READING.mbpsBandwidth * 1_000_000,
    }
    histograms = {metric.name for metric in CATALOGUE if metric.kind == "histogram"}
    assert measured(READING).keys() <= histograms


def test_what_nobody_has_measured_is_not_observed() -> None:
    assumed = Rtt()
    new = msgspec.structs.replace(
        READING, msRTT=assumed.rtt_us / 1000, msRTTVar=assumed.var_us / 1000, mbpsBandwidth=0.0
    )
    assert measured(new) == {}
    # A round trip that is as long as the assumption is one all the same.
    assert measured(msgspec.structs.replace(new, msRTTVar=3.0)) == {"fanlight_srt_rtt_seconds": 0.1}
