"""What we write we read, and what we read we can write again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols import amf0
from engine.protocols.amf0 import UNDEFINED, Date, EcmaArray, TypedObject, Value

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
scalars = st.one_of(
    st.none(),
    st.just(UNDEFINED),
    st.booleans(),
    st.floats(allow_nan=False),
    texts,
    st.builds(Date, st.floats(allow_nan=False), st.integers(-(2**15), 2**15 - 1)),
)


def containers(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    pairs = st.dictionaries(texts, inner, max_size=4)
    return st.one_of(
        st.lists(inner, max_size=4), pairs, pairs.map(EcmaArray), st.builds(TypedObject, texts, pairs)
    )


values = st.recursive(scalars, containers, max_leaves=20)


@given(st.lists(values, max_size=5))
def test_what_is_written_is_read(written: list[Value]) -> None:
    assert amf0.decode_all(amf0.encode(*written)) == written


@given(values, st.binary(max_size=10))
def test_one_value_ends_where_the_next_begins(value: Value, rest: bytes) -> None:
    body = amf0.encode(value)
    assert amf0.decode(b"junk" + body + rest, 4) == (value, 4 + len(body))


@given(st.dictionaries(texts, scalars))
def test_an_ecma_array_stays_one(pairs: dict[str, Value]) -> None:
    assert type(amf0.decode(amf0.encode(EcmaArray(pairs)))[0]) is EcmaArray


def test_on_metadata_as_ffmpeg_writes_it() -> None:
    body = (
        b"\x02\x00\x0aonMetaData\x08\x00\x00\x00\x03"
        b"\x00\x05width\x00\x40\x94\x00\x00\x00\x00\x00\x00"
        b"\x00\x06stereo\x01\x01"
        b"\x00\x07encoder\x02\x00\x0dLavf63.1.102 "
        b"\x00\x00\x09"
    )
    assert amf0.decode_all(body) == [
        "onMetaData",
        {"width": 1280.0, "stereo": True, "encoder": "Lavf63.1.102 "},
    ]
    assert amf0.encode(*amf0.decode_all(body)) == body


def test_a_long_text_is_a_long_string() -> None:
    text = "x" * 0x10000
    assert amf0.encode(text)[:5] == b"\x0c\x00\x01\x00\x00"
    assert amf0.decode(amf0.encode(text))[0] == text


def test_an_integer_is_a_number() -> None:
    assert amf0.decode(amf0.encode(7))[0] == 7.0


def test_latin_1_is_read_with_replacements() -> None:
    assert amf0.decode(b"\x02\x00\x04caf\xe9")[0] == "caf\N{REPLACEMENT CHARACTER}"


def test_an_object_may_have_an_empty_key() -> None:
    assert amf0.decode(amf0.encode({"": 1.0, "a": 2.0}))[0] == {"": 1.0, "a": 2.0}


def nested(depth: int) -> list[Value]:
    value: list[Value] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_sixteen_levels_pass_both_ways() -> None:
    assert amf0.decode(amf0.encode(nested(16)))[0] == nested(16)


def cyclic() -> list[Value]:
    value: list[Value] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value",
    [nested(17), cyclic(), {"k" * 0x10000: None}, "\ud800", 10**400, Date(0.0, 1 << 20), object()],
    ids=[
        "seventeen levels",
        "itself",
        "a long key",
        "a surrogate",
        "a huge integer",
        "a far zone",
        "an object of Python",
    ],
)
def test_what_amf0_cannot_say_is_our_error(value: Value) -> None:
    with pytest.raises(amf0.LocalProtocolError):
        amf0.encode(value)
