"""Two storeys that do not know each other mean the same by a tag's flags."""

import shm.ring
from engine.media import flags


def test_engine_and_ring_mean_the_same_by_each_flag() -> None:
    in_engine = {name: value for name, value in vars(flags).items() if name.isupper()}
    in_ring = {name: value for name, value in vars(shm.ring).items() if name.startswith("FLAG_")}
    assert {f"FLAG_{name}": value for name, value in in_engine.items()} == in_ring


def test_each_flag_is_a_bit_of_its_own() -> None:
    values = [value for name, value in vars(flags).items() if name.isupper()]
    assert len(values) == len(set(values))
    assert all(value.bit_count() == 1 for value in values)
