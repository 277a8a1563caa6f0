"""An SRT link in words: the catalogue, the record and the API mean the same."""

from engine.metrics import LABELS
from shm.directory import LinkEncryption, LinkStats
from workers.control.link_families import PACKETS
from workers.runtime.link_figures import encryption_word, received_figures, version_text


def test_every_encryption_of_a_record_has_its_word_in_the_catalogue() -> None:
    assert tuple(encryption_word(encryption) for encryption in LinkEncryption) == LABELS["encryption"]


def test_every_figure_of_a_record_is_told() -> None:
    link = LinkStats._make([1] * len(LinkStats._fields))
    assert len(received_figures(link)) == len(link)
    assert {word for word in LinkStats._fields if word.startswith("packets_")} == set(PACKETS.values())
    assert set(PACKETS) <= set(LABELS["kind"])


def test_a_version_is_read_as_people_write_it() -> None:
    assert (version_text(0x010503), version_text(0)) == ("1.5.3", "0.0.0")
