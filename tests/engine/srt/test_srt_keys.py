"""Key material, the ciphers, and keys that change in time."""

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.srt.crypto import payload_cipher, unwrap, wrap
from engine.protocols.srt.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.srt.key_material import (
    CipherMode,
    KeyMessage,
    KmState,
    decode_key_message,
    decode_km_state,
    encode_key_message,
    encode_km_state,
)
from engine.protocols.srt.keys import (
    KeySet,
    ReceiveKeys,
    SendKeys,
    check_passphrase,
    generate_keys,
    key_message,
    open_key_message,
)
from engine.protocols.srt.packets import (
    KEY_BOTH,
    KEY_EVEN,
    KEY_NONE,
    KEY_ODD,
    DataPacket,
    encode_header,
    marks_of,
)
from engine.protocols.srt.rejections import Rejection
from tests.engine.srt.handshakes import CALLER_SEED, LISTENER_SEED, PASSPHRASE, code_of_refusal

modes_of_srt = st.sampled_from(CipherMode)
sizes = st.sampled_from([16, 24, 32])


@st.composite
def key_messages(draw: st.DrawFn) -> KeyMessage:
    key, key_bytes = draw(st.sampled_from([KEY_EVEN, KEY_ODD, KEY_BOTH])), draw(sizes)
    wrapped = draw(st.binary(min_size=72, max_size=72))[: 8 + key_bytes * (2 if key == KEY_BOTH else 1)]
    return KeyMessage(key, draw(modes_of_srt), key_bytes, draw(st.binary(min_size=16, max_size=16)), wrapped)


@given(key_messages())
def test_a_key_message_reads_back(message: KeyMessage) -> None:
    assert decode_key_message(encode_key_message(message)) == message


@given(key_messages(), st.integers(0, 110))
def test_a_key_message_of_any_other_length_is_refused(message: KeyMessage, size: int) -> None:
    content = encode_key_message(message)
    if size != len(content):
        with pytest.raises(RemoteProtocolError):
            decode_key_message(content.ljust(size, b"\0")[:size])


@given(key_messages(), st.integers(0, 15), st.integers(0, 255))
def test_a_key_message_with_a_changed_head_is_read_or_refused(
    message: KeyMessage, at: int, value: int
) -> None:
    content = bytearray(encode_key_message(message))
    content[at] = value
    code = code_of_refusal(lambda: decode_key_message(bytes(content)))
    assert code in (None, Rejection.ROGUE, Rejection.CRYPTO)


def test_a_key_message_looks_as_that_of_libsrt() -> None:
    message = KeyMessage(KEY_EVEN, CipherMode.CTR, 16, bytes(16), bytes(24))
    assert encode_key_message(message)[:16] == bytes.fromhex("12202901 00000000 02000200 00000404")


def test_a_state_is_little_endian_as_libsrt_writes_it() -> None:
    assert encode_km_state(KmState.BAD_SECRET) == bytes.fromhex("04000000")
    assert decode_km_state(bytes.fromhex("03000000")) is KmState.NO_SECRET
    assert decode_km_state(bytes.fromhex("ffffffff")) is KmState.NO_SECRET
    assert decode_km_state(bytes(72)) is None


def test_the_key_wrap_is_that_of_rfc_3394() -> None:
    kek = bytes.fromhex("000102030405060708090A0B0C0D0E0F")  # section 4.1
    key = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
    wrapped = bytes.fromhex("1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5")
    assert wrap(kek, key) == wrapped
    assert unwrap(kek, wrapped) == key
    with pytest.raises(RemoteProtocolError):
        unwrap(bytes(16), wrapped)


def test_the_counter_is_the_salt_with_the_sequence_number_in_it() -> None:
    key, salt = bytes(range(16)), bytes(range(100, 116))
    counter = bytearray(salt[:14] + bytes(2))
    for at, byte in enumerate((0x12345678).to_bytes(4, "big")):
        counter[10 + at] ^= byte
    expected = Cipher(algorithms.AES(key), modes.CTR(bytes(counter))).encryptor().update(b"x" * 50)
    cipher = payload_cipher(CipherMode.CTR, key, salt)
    assert cipher.seal(0x12345678, bytes(16), b"x" * 50) == expected
    assert cipher.open(0x12345678, bytes(16), memoryview(expected)) == b"x" * 50


def test_the_gcm_nonce_is_the_salt_with_the_sequence_number_in_it() -> None:
    key, salt, header = bytes(range(16)), bytes(range(100, 116)), bytes(range(16))
    nonce = bytearray(salt[:12])
    for at, byte in enumerate((0x12345678).to_bytes(4, "big")):
        nonce[8 + at] ^= byte
    expected = AESGCM(key).encrypt(bytes(nonce), b"x" * 50, header)
    assert payload_cipher(CipherMode.GCM, key, salt).seal(0x12345678, header, b"x" * 50) == expected


def sealed(keys: SendKeys, seq: int, payload: bytes, *, retransmitted: bool = False) -> DataPacket:
    """A packet as the sender would send it, the second time too."""
    packet = DataPacket(seq, marks_of(seq + 1, key=keys.key), 1000 + seq, 99, payload)
    payload = keys.seal(keys.key, seq, encode_header(packet), payload)
    marks = marks_of(seq + 1, key=keys.key, retransmitted=retransmitted)
    return msgspec.structs.replace(packet, payload=payload, marks=marks)


@given(modes_of_srt, sizes, st.binary(min_size=1, max_size=200), st.integers(0, 0x7FFF_FFFF), st.booleans())
def test_what_is_sealed_opens(
    mode: CipherMode, key_bytes: int, payload: bytes, seq: int, again: bool
) -> None:
    keys = generate_keys(PASSPHRASE, key_bytes, mode, CALLER_SEED)
    sender = SendKeys(keys, CALLER_SEED)
    receiver = ReceiveKeys(open_key_message(key_message(keys), PASSPHRASE), PASSPHRASE)
    packet = sealed(sender, seq, payload, retransmitted=again)
    assert len(packet.payload) == len(payload) + sender.overhead_bytes
    assert receiver.open(packet) == payload


@pytest.mark.parametrize("change", ["payload", "seq", "timestamp_us", "dst_socket_id", "marks"])
def test_gcm_notices_every_change(change: str) -> None:
    keys = generate_keys(PASSPHRASE, 16, CipherMode.GCM, CALLER_SEED)
    packet = sealed(SendKeys(keys, CALLER_SEED), 5, b"payload")
    old = getattr(packet, change)
    other = bytes((old[0] ^ 1,)) + old[1:] if change == "payload" else old + 1
    with pytest.raises(RemoteProtocolError):
        ReceiveKeys(keys, PASSPHRASE).open(msgspec.structs.replace(packet, **{change: other}))


@pytest.mark.parametrize("key", [KEY_NONE, KEY_ODD, KEY_BOTH])
def test_a_packet_with_a_key_that_nobody_announced_is_not_opened(key: int) -> None:
    keys = generate_keys(PASSPHRASE, 16, CipherMode.CTR, CALLER_SEED)
    with pytest.raises(RemoteProtocolError):
        ReceiveKeys(keys, PASSPHRASE).open(DataPacket(1, marks_of(1, key=key), 0, 0, b"clear"))


@given(modes_of_srt, sizes)
def test_keys_change_while_everything_opens(mode: CipherMode, key_bytes: int) -> None:
    keys = generate_keys(PASSPHRASE, key_bytes, mode, CALLER_SEED)
    sender = SendKeys(keys, CALLER_SEED, refresh_packets=20, announce_packets=5)
    receiver = ReceiveKeys(keys, PASSPHRASE)
    used = []
    for seq in range(100):
        packet = sealed(sender, seq, b"payload")
        used.append(packet.key)
        assert receiver.open(packet) == b"payload"
        if request := sender.advance():
            assert request == sender.unanswered
            assert sender.answered(receiver.take(request, seq))
            assert sender.unanswered == b""
    assert sender.refreshes == 4
    assert used == [KEY_EVEN] * 21 + [KEY_ODD] * 21 + [KEY_EVEN] * 21 + [KEY_ODD] * 21 + [KEY_EVEN] * 16
    assert receiver.keys.even == sender.keys.even
    assert receiver.keys.odd == sender.keys.odd


def test_a_packet_of_before_the_change_can_be_sent_once_more() -> None:
    keys = generate_keys(PASSPHRASE, 16, CipherMode.CTR, CALLER_SEED)
    sender = SendKeys(keys, CALLER_SEED, refresh_packets=10, announce_packets=4)
    before = sealed(sender, 3, b"payload")
    while sender.key == KEY_EVEN:
        if request := sender.advance():
            sender.answered(request)
    header = encode_header(msgspec.structs.replace(before, payload=b""))
    assert sender.seal(KEY_EVEN, 3, header, b"payload") == before.payload


def test_an_unanswered_announcement_delays_the_change_but_not_for_ever() -> None:
    keys = generate_keys(PASSPHRASE, 16, CipherMode.CTR, CALLER_SEED)
    sender = SendKeys(keys, CALLER_SEED, refresh_packets=20, announce_packets=5)
    packets = 0
    while sender.key == KEY_EVEN:
        sender.advance()
        packets += 1
    assert packets == 26
    assert sender.unanswered
    assert not sender.answered(b"another")
    assert sender.answered(sender.unanswered)
    assert not sender.answered(b"")


def test_keys_go_on_in_another_process() -> None:
    keys = generate_keys(PASSPHRASE, 16, CipherMode.CTR, CALLER_SEED)
    sender = SendKeys(keys, CALLER_SEED, refresh_packets=10, announce_packets=4)
    receiver = ReceiveKeys(keys, PASSPHRASE)
    seen = {keys.even}
    for _ in range(3):
        while not (request := sender.advance()):
            continue
        sender.answered(receiver.take(request, 0))
        refreshes = sender.refreshes
        while sender.refreshes == refreshes:
            sender.advance()
        assert sender.keys.key(sender.key) not in seen
        seen.add(sender.keys.key(sender.key))
        thawed = msgspec.msgpack.decode(msgspec.msgpack.encode(sender.keys), type=KeySet)
        assert thawed == sender.keys
        sender = SendKeys(thawed, CALLER_SEED, refresh_packets=10, announce_packets=4)
        assert receiver.open(sealed(sender, 8, b"payload")) == b"payload"


def test_a_key_message_with_a_new_salt_is_taken_once_a_second() -> None:
    receiver = ReceiveKeys(generate_keys(PASSPHRASE, 16, CipherMode.CTR, CALLER_SEED), PASSPHRASE)
    others = generate_keys(PASSPHRASE, 16, CipherMode.CTR, LISTENER_SEED)
    wrong = key_message(generate_keys("another passphrase", 16, CipherMode.CTR, LISTENER_SEED))
    assert receiver.take(wrong, 0) == encode_km_state(KmState.BAD_SECRET)
    with pytest.raises(RemoteProtocolError):
        receiver.take(key_message(others), 999_999)
    assert receiver.take(key_message(others), 1_000_000) == key_message(others)
    assert receiver.keys.even == others.even
    assert receiver.take(key_message(others), 1_000_001) == key_message(others)


def test_a_connection_does_not_change_its_cipher() -> None:
    keys = generate_keys(PASSPHRASE, 16, CipherMode.GCM, CALLER_SEED)
    receiver = ReceiveKeys(keys, PASSPHRASE)
    other = key_message(generate_keys(PASSPHRASE, 16, CipherMode.CTR, CALLER_SEED))
    assert receiver.take(other, 0) == encode_km_state(KmState.BAD_CRYPTO_MODE)
    assert receiver.keys == keys


@pytest.mark.parametrize("passphrase", ["", "ninechars", "x" * 80, "ü" * 40])
def test_a_passphrase_that_libsrt_does_not_take_is_refused(passphrase: str) -> None:
    with pytest.raises(LocalProtocolError):
        check_passphrase(passphrase)


def test_impossible_keys_are_our_own_fault() -> None:
    with pytest.raises(LocalProtocolError):
        generate_keys(PASSPHRASE, 20, CipherMode.CTR, CALLER_SEED)
    with pytest.raises(LocalProtocolError):
        generate_keys(PASSPHRASE, 16, CipherMode.CTR, b"short seed")
    keys = generate_keys(PASSPHRASE, 16, CipherMode.CTR, CALLER_SEED)
    with pytest.raises(LocalProtocolError):
        SendKeys(keys, CALLER_SEED, refresh_packets=10, announce_packets=5)


def test_secrets_do_not_show() -> None:
    keys = generate_keys(PASSPHRASE, 16, CipherMode.CTR, CALLER_SEED)
    assert repr(keys) == "KeySet(mode=CTR, key_bytes=16, …)"
