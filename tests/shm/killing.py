"""Death between any two stores: views that let so many stores through and then end the writer."""

from collections.abc import Callable
from typing import TypeVar

from shm.arena import Arena
from shm.directory import DirectoryWriter
from shm.ring import RingWriter

Mortal = TypeVar("Mortal", RingWriter, DirectoryWriter)
Place = int | slice


class Killed(BaseException):
    """The writer was killed here. Not an Exception: nobody in `shm` may catch it."""


class Fuse:
    """Lets `stores` stores happen, over all the views that it is in."""

    def __init__(self, stores: int) -> None:
        self.left = stores

    def burn(self) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1


class MortalView:
    """A writable view whose stores burn a fuse."""

    def __init__(self, view: memoryview, fuse: Fuse) -> None:
        self._view = view
        self._fuse = fuse

    def __getitem__(self, place: Place) -> object:
        return self._view[place]

    def __setitem__(self, place: Place, value: object) -> None:
        self._fuse.burn()
        self._view[place] = value  # type: ignore[call-overload]

    def cast(self, code: str) -> "MortalView":
        return MortalView(self._view.cast(code), self._fuse)  # type: ignore[call-overload]


class MortalArena:
    """An arena whose writable views burn a fuse, and so does giving memory back."""

    def __init__(self, arena: Arena, fuse: Fuse) -> None:
        self._arena = arena
        self._fuse = fuse
        self.geometry = arena.geometry
        self.reserve = arena.reserve

    def map(self, offset: int, length: int, *, writable: bool) -> MortalView:
        return MortalView(self._arena.map(offset, length, writable=writable), self._fuse)

    def release(self, offset: int, length: int) -> None:
        self._fuse.burn()
        self._arena.release(offset, length)


def make_mortal(writer: RingWriter | DirectoryWriter, stores: int) -> None:
    """Let this writer do `stores` more stores."""
    fuse, parts = Fuse(stores), vars(writer)
    for name, part in parts.items():
        if isinstance(part, memoryview):
            parts[name] = MortalView(part, fuse)
        elif isinstance(part, Arena):
            parts[name] = MortalArena(part, fuse)


def every_death(prepare: Callable[[], Mortal], act: Callable[[Mortal], None]) -> int:
    """Kill `act` before its first store, its second, ... until it survives; how many deaths that were."""
    for stores in range(1_000):
        writer = prepare()
        make_mortal(writer, stores)
        try:
            act(writer)
        except Killed:
            continue
        return stores
    raise AssertionError("it does not end")
