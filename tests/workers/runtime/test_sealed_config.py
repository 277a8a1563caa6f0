"""A configuration as workers are told it: whole, the same for all, and out of reach of each."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine.config import Config, encode, load
from workers.runtime.messages import Reload
from workers.runtime.packets import (
    MAX_PACKET_BYTES,
    Packet,
    Received,
    Unusable,
    open_inboxes,
    receive_packet,
    send_packet,
)
from workers.runtime.sealed_config import MAX_PACKED_BYTES, config_in, order_of, read_sealed, seal
from workers.runtime.slots import SUPERVISOR

KEYS = "\n".join(f'{"k" * 60}{number:02} = {{allowed_codecs = "h264,aac"}}' for number in range(64))
LARGE = "\n".join(f'[paths."live{number}/*".key_limits]\n{KEYS}' for number in range(40))


@pytest.fixture(scope="module")
def large() -> Config:
    return load(LARGE, {})


@pytest.fixture
def sealed(large: Config) -> Iterator[int]:
    fd = seal(encode(large))
    yield fd
    os.close(fd)


def test_one_that_no_packet_holds_is_read_whole_by_each_worker(large: Config, sealed: int) -> None:
    assert os.fstat(sealed).st_size > MAX_PACKET_BYTES
    assert [read_sealed(sealed) for _ in range(3)] == [large] * 3


def test_no_worker_can_change_what_the_others_read(sealed: int) -> None:
    with pytest.raises(PermissionError):
        os.pwrite(sealed, b"{}", 0)
    for size_bytes in (0, 1 << 20):
        with pytest.raises(PermissionError):
            os.ftruncate(sealed, size_bytes)


def test_it_is_not_inherited_by_programs(sealed: int) -> None:
    assert not os.get_inheritable(sealed)


def test_a_worker_at_its_limit_of_open_files_is_told_one_of_usual_size() -> None:
    usual = load("[play]\nwait_s = 7\n", {})
    received = sent_to_one_that_is_full(usual)
    assert isinstance(received, Received)
    message = received.packet.message
    assert isinstance(message, Reload)
    assert config_in(message, received.descriptors) == usual


def test_a_worker_at_its_limit_of_open_files_knows_that_it_missed_a_large_one(large: Config) -> None:
    received = sent_to_one_that_is_full(large)
    assert isinstance(received, Unusable)
    assert received.message == "Reload"
    assert "limit of open files" in received.why


def test_a_worker_with_room_is_told_a_large_one(large: Config) -> None:
    inbox, outbox = open_inboxes([0])[0]
    with inbox, outbox:
        with order_of(large) as order:
            send_packet(outbox, Packet(SUPERVISOR, 0, False, order.message), order.descriptors)
        received = receive_packet(inbox)
    assert isinstance(received, Received)
    assert isinstance(received.packet.message, Reload)
    assert config_in(received.packet.message, received.descriptors) == large
    received.descriptors.close()


def test_the_largest_that_goes_into_an_order_goes_into_a_packet() -> None:
    inbox, outbox = open_inboxes([0])[0]
    with inbox, outbox:
        send_packet(outbox, Packet(SUPERVISOR, 0, False, Reload(bytes(MAX_PACKED_BYTES))))
        assert isinstance(receive_packet(inbox), Received)


def test_the_sender_s_descriptor_is_closed_whatever_comes_of_the_sending(large: Config) -> None:
    before = lowest_free_descriptor()
    with pytest.raises(RuntimeError), order_of(large):
        raise RuntimeError("a post that fails")
    assert lowest_free_descriptor() == before


def sent_to_one_that_is_full(config: Config) -> Received | Unusable:
    inbox, outbox = open_inboxes([0])[0]
    with inbox, outbox:
        with order_of(config) as order:
            send_packet(outbox, Packet(SUPERVISOR, 0, False, order.message), order.descriptors)
        with no_descriptor_left():
            return receive_packet(inbox)


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free_descriptor(), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def lowest_free_descriptor() -> int:
    descriptor = os.dup(2)
    os.close(descriptor)
    return descriptor
