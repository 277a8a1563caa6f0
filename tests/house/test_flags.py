"""Two storeys that do not know each other mean the same by a tag's flags."""

import shm.ring
from engine.media import flags


def test_the_engine_means_the_same_by_each_flag_of_the_ring() -> None:
    in_engine = {f"FLAG_{name}": value for name, value in vars(flags).items() if name.isupper()}
    in_ring = {name: value for name, value in vars(shm.ring).items() if name.startswith("FLAG_")}
    assert in_ring
    assert in_ring.items() <= in_engine.items()


def test_each_flag_is_a_bit_of_its_own() -> None:
    values = [value for name, value in vars(flags).items() if name.isupper()]
    assert len(values) == len(set(values))
    assert all(value.bit_count() == 1 for value in values)
