"""What is sent next: in order within a stream, and no stream waits for another's trouble."""

from hypothesis import given
from hypothesis import strategies as st

from engine.hooks.lanes import AT_ONCE, DOWN_AFTER, FIRST_REST_S, LONGEST_REST_S, Lanes, rest_after
from engine.hooks.records import Queued
from tests.engine.hooks.records import queued

UP, DOWN = "http://up.example/", "http://down.example/"


def lanes_of(*events: Queued) -> Lanes:
    lanes = Lanes()
    for event in events:
        lanes.add(event, 0.0)
    return lanes


def take_all(lanes: Lanes, now_s: float) -> list[int]:
    taken = []
    while (event := lanes.take(now_s)) is not None:
        taken.append(event.number)
    return taken


def test_a_stream_has_one_event_on_its_way_and_the_next_one_behind_it() -> None:
    first, second, other = queued(1, "a"), queued(2, "a"), queued(3, "b")
    lanes = lanes_of(first, second, other)
    assert take_all(lanes, 0.0) == [1, 3]
    lanes.finish(first, 0.0)
    assert take_all(lanes, 0.0) == [2]


def test_a_failure_rests_its_lane_alone() -> None:
    bad, good = queued(1, "a"), queued(2, "b")
    lanes = lanes_of(bad, queued(3, "a"), good, queued(4, "b"))
    assert take_all(lanes, 0.0) == [1, 2]
    rest_s = lanes.fail(bad, 0.0, 1.0)
    lanes.finish(good, 0.0)
    assert take_all(lanes, rest_s - 0.001) == [4]
    assert take_all(lanes, rest_s) == [1]


def test_one_address_that_is_down_does_not_hold_up_another_of_the_same_stream() -> None:
    bad = queued(1, "a", DOWN)
    lanes = lanes_of(bad, queued(2, "a", UP))
    assert take_all(lanes, 0.0) == [1, 2]
    lanes.fail(bad, 0.0, 0.0)
    assert lanes.waiting() == {DOWN: 1, UP: 1}


def test_rests_grow_to_their_longest() -> None:
    assert [rest_after(failures, 1.0) for failures in range(4)] == [0.5, 1.0, 2.0, 4.0]
    assert rest_after(1000, 1.0) == LONGEST_REST_S
    assert rest_after(0, 0.0) == FIRST_REST_S / 2


def test_lanes_of_an_address_that_is_back_need_not_rest_to_the_end() -> None:
    events = [queued(number, f"stream{number}") for number in range(1, DOWN_AFTER + 2)]
    lanes = lanes_of(*events)
    assert len(take_all(lanes, 0.0)) == len(events)
    for event in events[:-1]:
        lanes.fail(event, 0.0, 1.0)
    lanes.finish(events[-1], 0.1)
    assert take_all(lanes, 0.1) == [event.number for event in events[:-1]]


def test_one_stream_that_its_service_cannot_stand_is_not_woken_by_the_success_of_others() -> None:
    poison = queued(1, "poison")
    lanes = lanes_of(poison)
    for number in range(2, 6):
        good = queued(number, "good")
        lanes.add(good, 0.0)
        take_all(lanes, 0.0)
        lanes.finish(good, 0.0)
    lanes.fail(poison, 0.0, 1.0)
    good = queued(9, "good")
    lanes.add(good, 0.0)
    assert take_all(lanes, 0.0) == [9]
    lanes.finish(good, 0.0)
    assert take_all(lanes, FIRST_REST_S - 0.01) == []


def test_a_service_has_so_many_on_their_way_and_the_others_need_not_wait_for_it() -> None:
    slow = [queued(number, f"stream{number}", DOWN) for number in range(1, AT_ONCE + 3)]
    lanes = lanes_of(*slow, queued(99, "live", UP))
    assert sorted(take_all(lanes, 0.0)) == [*range(1, AT_ONCE + 1), 99]
    assert lanes.next_s() is None
    lanes.finish(slow[0], 0.0)
    lanes.fail(slow[1], 0.0, 1.0)
    assert take_all(lanes, 0.0) == [AT_ONCE + 1, AT_ONCE + 2]


def test_addresses_of_one_service_share_what_it_may_have() -> None:
    lanes = lanes_of(*(queued(number, f"stream{number}", f"{UP}{number % 3}") for number in range(50)))
    assert len(take_all(lanes, 0.0)) == AT_ONCE


def test_services_take_turns() -> None:
    ups = [queued(number, f"stream{number}", UP) for number in range(3)]
    downs = [queued(number, f"stream{number}", DOWN) for number in range(10, 13)]
    assert take_all(lanes_of(*ups, *downs), 0.0) == [0, 10, 1, 11, 2, 12]


def test_an_end_that_is_said_twice_frees_one_place() -> None:
    events = [queued(number, f"stream{number}") for number in range(AT_ONCE + 2)]
    lanes = lanes_of(*events)
    take_all(lanes, 0.0)
    lanes.finish(events[0], 0.0)
    lanes.fail(events[0], 0.0, 1.0)
    assert take_all(lanes, 0.0) == [AT_ONCE]


def test_what_is_dropped_is_not_sent_and_what_was_on_its_way_is_forgotten() -> None:
    first, second, third = queued(1, "a"), queued(2, "a"), queued(3, "a")
    lanes = lanes_of(first, second, third)
    assert take_all(lanes, 0.0) == [1]
    assert lanes.drop({1, 2, 77}, 0.0) == [first, second]
    lanes.finish(first, 0.0)
    assert take_all(lanes, 0.0) == [3]
    assert len(lanes) == 1


def test_what_moves_comes_before_what_is_newer_where_it_goes() -> None:
    old, other, new = queued(1, "a", DOWN), queued(2, "b", DOWN), queued(3, "a", UP)
    lanes = lanes_of(old, other, new)
    moved = queued(1, "a", UP)
    lanes.move([old], [moved], 0.0)
    assert sorted(take_all(lanes, 0.0)) == [1, 2]
    lanes.finish(moved, 0.0)
    assert take_all(lanes, 0.0) == [3]
    assert lanes.waiting() == {UP: 1, DOWN: 1}


def test_an_empty_lane_leaves_nothing_behind() -> None:
    event = queued(1)
    lanes = lanes_of(event)
    take_all(lanes, 0.0)
    lanes.finish(event, 0.0)
    assert (len(lanes), lanes.waiting(), lanes.oldest_ms(), lanes.next_s()) == (0, {}, None, None)


class Service:
    """Fails as told, and writes down what it gets."""

    def __init__(self, failures: list[bool]) -> None:
        self.failures = failures
        self.got: dict[tuple[str, str], list[int]] = {}

    def takes(self, event: Queued) -> bool:
        if self.failures and self.failures.pop():
            return False
        self.got.setdefault((event.url, event.stream), []).append(event.number)
        return True


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([UP, DOWN])), max_size=30),
    st.lists(st.booleans(), max_size=60),
    st.integers(1, 4),
)
def test_whatever_fails_each_arrives_once_and_in_order(
    wanted: list[tuple[str, str]], failures: list[bool], at_once: int
) -> None:
    events = [queued(number, stream, url) for number, (stream, url) in enumerate(wanted, 1)]
    lanes, service, now_s = lanes_of(*events), Service(failures), 0.0
    while len(lanes):
        on_their_way = [event for _ in range(at_once) if (event := lanes.take(now_s)) is not None]
        for event in reversed(on_their_way):
            if service.takes(event):
                lanes.finish(event, now_s)
            else:
                lanes.fail(event, now_s, 0.5)
        next_s = lanes.next_s()
        now_s = max(now_s, next_s) if next_s is not None else now_s
    for lane, numbers in service.got.items():
        assert numbers == [event.number for event in events if (event.url, event.stream) == lane]
    assert sum(map(len, service.got.values())) == len(events)
