"""What a server says in the dialogue: pure functions from meaning to messages.

Wording and order follow what Flash Media Server answered and the clients expect: librtmp looks for
`NetStream.Play.Start` and `NetStream.Publish.Start` by name, ffmpeg for the level "error", Flash for all of
it.
"""

from typing import Final

from engine.protocols import amf0
from engine.protocols.rtmp.limits import DEFAULT_WINDOW_BYTES, OUT_CHUNK_BYTES
from engine.protocols.rtmp.messages import (
    Command,
    Control,
    SetChunkSize,
    SetPeerBandwidth,
    WindowAckSize,
)

STREAM_ID: Final = 1
"""The one stream of a connection (rule 3 of `states`)."""

CAN_FORWARD: Final = 4
"""FourCcInfoMask of enhanced RTMP v2: we neither decode nor encode, we pass on."""

GREETING: Final[tuple[Control, ...]] = (
    WindowAckSize(DEFAULT_WINDOW_BYTES),
    SetPeerBandwidth(DEFAULT_WINDOW_BYTES, 2),
    SetChunkSize(OUT_CHUNK_BYTES),
)
"""Before the answer to `connect`. ffmpeg mirrors the chunk size it hears before it publishes."""

SAMPLE_ACCESS: Final = amf0.encode("|RtmpSampleAccess", True, True)
"""Script message before the media of a play: Flash may read the pictures (FMS and nginx-rtmp send it)."""


CAN_MULTITRACK: Final = 2.0
"""Enhanced RTMP v2, CapsExMask: several tracks over one connection; each further one becomes a stream."""


def connected(transaction: float, enhanced: bool) -> Command:
    """The answer to `connect` (RTMP 1.0 section 7.2.1.1); FourCC keys only for a client that brought some."""
    server: dict[str, amf0.Value] = {"fmsVer": "FMS/3,5,7,7009", "capabilities": 31.0, "mode": 1.0}
    information: dict[str, amf0.Value] = {
        "level": "status",
        "code": "NetConnection.Connect.Success",
        "description": "Connection succeeded.",
        "objectEncoding": 0.0,
    }
    if enhanced:
        information["fourCcList"] = ["*"]
        information["videoFourCcInfoMap"] = {"*": CAN_FORWARD}
        information["audioFourCcInfoMap"] = {"*": CAN_FORWARD}
        information["capsEx"] = CAN_MULTITRACK
    return Command("_result", transaction, (server, information))


def result(transaction: float, value: amf0.Value = None) -> Command:
    """The answer to a call."""
    return Command("_result", transaction, (None, value))


def failure(transaction: float, code: str, description: str) -> Command:
    """The refusal of a call."""
    return Command("_error", transaction, (None, _information("error", code, description)))


def on_status(code: str, description: str, level: str = "status") -> Command:
    """What happened to the stream (RTMP 1.0 section 7.2.2)."""
    return Command("onStatus", 0.0, (None, _information(level, code, description)))


def notice(name: str, code: str, description: str) -> Command:
    """A call of ours that wants no answer: onFCPublish and its kin."""
    return Command(name, 0.0, (None, _information("status", code, description)))


def level_of(code: str) -> str:
    """ "status" for codes that tell of an ordinary end, "error" for the others."""
    return "status" if code.rpartition(".")[2] in _ORDINARY else "error"


_ORDINARY: Final = frozenset({"Success", "Start", "Stop", "UnpublishNotify", "PublishNotify", "Complete"})


def _information(level: str, code: str, description: str) -> dict[str, amf0.Value]:
    return {"level": level, "code": code, "description": description}
