"""AMF0, the value encoding of RTMP commands and FLV script tags (Adobe AMF 0 specification, 2007).

Surface: `decode`, `decode_all`, `encode`, the value types, and the three errors. Everything here is a pure
function of its arguments; only `RemoteProtocolError` escapes from decoding, whatever the bytes are.
"""

from engine.protocols.amf0.decoder import decode, decode_all
from engine.protocols.amf0.encoder import encode
from engine.protocols.amf0.errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from engine.protocols.amf0.values import UNDEFINED, Date, EcmaArray, TypedObject, Undefined, Value

__all__ = [
    "UNDEFINED",
    "Date",
    "EcmaArray",
    "LocalProtocolError",
    "ProtocolError",
    "RemoteProtocolError",
    "TypedObject",
    "Undefined",
    "Value",
    "decode",
    "decode_all",
    "encode",
]
