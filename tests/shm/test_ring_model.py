"""The ring against a list: any sequence of writes, deaths, successors and claims, wrapped and lapped."""

from dataclasses import dataclass

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from shm.arena import Arena
from shm.errors import Lapped, TagTooLarge
from shm.layout import PAGE_BYTES, RING_INTENT_POS, RING_INTENT_SEQ
from shm.ring import NO_START, Entry, RingReader, RingWriter
from tests.shm.conftest import SMALL
from tests.shm.killing import Killed, make_mortal
from tests.shm.tags import is_intact, read, readable, sealed_tag, start_tag

RING, ENTRIES = SMALL.ring_bytes, SMALL.index_entries
BIG = RING // 4 - 12

sizes = st.one_of(st.integers(0, 60), st.integers(0, 3_000), st.integers(BIG - 100, BIG))
batches = st.lists(st.tuples(sizes, st.booleans()), min_size=1, max_size=25)


@dataclass
class Model:
    """What a ring is: a list of tags since the claim, and how far the writer ever meant to go."""

    tags: list[Entry]
    pos: int = 0
    seq: int = 0
    intent_pos: int = 0
    intent_seq: int = 0

    @property
    def start_seq(self) -> int:
        return self.tags[-1].start_seq if self.tags else NO_START

    def append(self, length: int, start: bool, epoch: int) -> None:
        start_seq = self.seq if start else self.start_seq
        moment = (0, 40_000, epoch, 7, 1_000 + self.seq)
        self.tags.append(Entry(self.seq, self.pos, length, 9, int(start), *moment, start_seq))
        self.pos, self.seq = self.pos + length, self.seq + 1
        self.promise(0, 0)

    def promise(self, length: int, count: int) -> None:
        self.intent_pos = max(self.intent_pos, self.pos + length)
        self.intent_seq = max(self.intent_seq, self.seq + count)

    def readable(self) -> list[Entry]:
        return [
            tag
            for tag in self.tags
            if tag.pos >= self.intent_pos - RING and tag.seq >= self.intent_seq - ENTRIES
        ]


class RingMachine(RuleBasedStateMachine):
    """Drives one ring slot and the model side by side."""

    @initialize()
    def open(self) -> None:
        self.arena = Arena.create(SMALL)
        self.epoch = 1
        self.writer = RingWriter(self.arena, 2, self.epoch)
        self.reader = RingReader(self.arena, 2)
        self.words = self.arena.map(SMALL.ring_offset(2), PAGE_BYTES, writable=False).cast("Q")
        self.model = Model([])
        self.gone: list[Entry] = []

    def teardown(self) -> None:
        self.arena.close()

    @rule(batch=batches)
    def write(self, batch: list[tuple[int, bool]]) -> None:
        tags = [
            start_tag(self.model.seq + number, size) if start else sealed_tag(self.model.seq + number, size)
            for number, (size, start) in enumerate(batch)
        ]
        self.writer.write(tags)
        for tag, (_, start) in zip(tags, batch, strict=True):
            self.model.append(len(tag.data), start, self.epoch)

    @rule(batch=st.lists(st.integers(0, 900), min_size=1, max_size=8), stores=st.integers(0, 17))
    def die_within_a_batch(self, batch: list[int], stores: int) -> None:
        tags = [sealed_tag(self.model.seq + number, size) for number, size in enumerate(batch)]
        make_mortal(self.writer, stores)
        try:
            self.writer.write(tags)
        except Killed:
            self.learn_from_death([len(tag.data) for tag in tags])
        else:
            for tag in tags:
                self.model.append(len(tag.data), False, self.epoch)
        self.succeed()

    def learn_from_death(self, lengths: list[int]) -> None:
        """What the dead writer had promised counts; what it had published too (its head_seq)."""
        if self.reader.head_seq > self.model.seq:
            for length in lengths:
                self.model.append(length, False, self.epoch)
        elif self.words[RING_INTENT_SEQ] > self.model.intent_seq:
            self.model.promise(sum(lengths), len(lengths))
        elif self.words[RING_INTENT_POS] > self.model.intent_pos:
            self.model.promise(sum(lengths), 0)

    @rule()
    def succeed(self) -> None:
        self.epoch += 1
        self.writer = RingWriter(self.arena, 2, self.epoch)

    @rule(released=st.booleans())
    def end_the_stream(self, released: bool) -> None:
        old = self.model
        (self.writer.release if released else self.writer.rebase)()
        self.gone = old.tags[-5:]
        pos, seq = self.reader.head()
        assert pos % RING == 0
        assert pos >= old.pos
        self.model = Model([], pos, seq, pos, seq)

    @rule()
    def refuse_too_large(self) -> None:
        with pytest.raises(TagTooLarge):
            self.writer.write([sealed_tag(self.model.seq, 5), sealed_tag(self.model.seq + 1, BIG + 1)])

    @invariant()
    def intents_agree(self) -> None:
        promised = (self.words[RING_INTENT_POS], self.words[RING_INTENT_SEQ])
        assert promised == (self.model.intent_pos, self.model.intent_seq)

    @invariant()
    def heads_agree(self) -> None:
        head = (self.model.pos, self.model.seq)
        assert self.reader.head() == head == (self.reader.head_pos, self.reader.head_seq)

    @invariant()
    def all_that_is_readable_is_right(self) -> None:
        expected = self.model.readable()
        assert readable(self.reader) == expected
        assert all(is_intact(entry.seq, read(self.reader, entry)) for entry in expected)
        oldest = (expected[0].pos, expected[0].seq) if expected else self.reader.head()
        assert self.reader.oldest() == oldest

    @invariant()
    def every_byte_belongs_to_its_tag(self) -> None:
        for entry in self.model.readable()[::7]:
            for pos in (entry.pos, (entry.pos + entry.end) // 2, entry.end - 1):
                assert self.reader.seq_at(pos) == entry.seq

    @invariant()
    def what_is_gone_is_refused(self) -> None:
        kept = {entry.seq for entry in self.model.readable()}
        for entry in self.gone + [tag for tag in self.model.tags if tag.seq not in kept][-3:]:
            assert not (self.reader.valid(entry.pos) and self.has_entry(entry.seq))

    def has_entry(self, seq: int) -> bool:
        try:
            return self.reader.entry(seq).seq == seq
        except Lapped:
            return False

    @invariant()
    def starts_are_linked(self) -> None:
        found, start = [], self.reader.newest_start()
        while start is not None:
            found.append(start.seq)
            start = self.reader.previous_start(start)
        assert found == [entry.seq for entry in reversed(self.model.readable()) if entry.flags]


TestRing = RingMachine.TestCase
