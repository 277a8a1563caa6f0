"""Wake-ups that never wait."""

import os
import select

from shm.doorbell import Doorbell


def test_a_ring_wakes_the_sleeper_until_it_has_drained() -> None:
    bell = Doorbell.create()
    assert select.select([bell.fd], [], [], 0)[0] == []
    bell.ring()
    bell.ring()
    assert select.select([bell.fd], [], [], 0)[0] == [bell.fd]
    assert bell.drain() == 2
    assert bell.drain() == 0
    assert select.select([bell.fd], [], [], 0)[0] == []
    bell.close()


def test_ringing_a_full_bell_does_not_wait() -> None:
    bell = Doorbell.create()
    os.eventfd_write(bell.fd, 2**64 - 2)
    bell.ring()
    assert bell.drain() == 2**64 - 2
    bell.close()
    bell.close()
    assert bell.fd == -1
