"""Records as the sender writes them, and strategies that make any."""

from hypothesis import strategies as st

from engine.hooks.records import SALT_BYTES, AnyRecord, Closed, Done, Moved, Opened, Queued, Snapshot
from engine.hooks.sessions import Holder, Session
from engine.hooks.settings import Action

SALT = bytes(range(SALT_BYTES))
HOLDER = Holder(1, 4711, 99)


def session(
    session_id: str = "s1", *, stream: str = "live/cam", holder: Holder = HOLDER, told: bool = False
) -> Session:
    began_ms = 1_700_000_000_000
    return Session(id=session_id, kind="publish", stream=stream, holder=holder, began_ms=began_ms, told=told)


def queued(
    number: int,
    stream: str = "live/cam",
    url: str = "http://a.example/hook",
    size: int = 2,
    action: Action = "on_unpublish",
) -> Queued:
    return Queued(
        number=number,
        url=url,
        action=action,
        stream=stream,
        sequence=number,
        queued_ms=1_700_000_000_000 + number,
        event_id=f"e{number}",
        body=b"{}".ljust(size),
    )


texts = st.text(max_size=40)
numbers = st.integers(0, 2**60)
sessions = st.builds(
    Session,
    id=texts,
    kind=st.sampled_from(["publish", "play", "stream"]),
    stream=texts,
    holder=st.builds(Holder, st.integers(-1, 99), numbers, numbers),
    began_ms=numbers,
    param=texts,
)
any_records: st.SearchStrategy[AnyRecord] = st.one_of(
    st.builds(Opened, sessions, numbers),
    st.builds(Closed, texts),
    st.builds(Done, st.lists(numbers, max_size=5)),
    st.builds(Moved, st.lists(numbers, max_size=5), texts),
    st.builds(
        Queued,
        number=numbers,
        url=texts,
        action=st.sampled_from(["on_publish", "on_stop", "on_hls"]),
        stream=texts,
        sequence=numbers,
        queued_ms=numbers,
        event_id=texts,
        body=st.binary(max_size=80),
    ),
    st.builds(
        Snapshot,
        st.booleans(),
        numbers,
        st.lists(sessions, max_size=2),
        st.dictionaries(texts, numbers, max_size=3),
        st.booleans(),
        numbers,
    ),
)
