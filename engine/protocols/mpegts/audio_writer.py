"""Audio on its way out: from FLV bodies to what a transport stream carries."""

from typing import Final

from engine.media.bits import BadConfig
from engine.protocols.mpegts.adts import AdtsWriter
from engine.protocols.mpegts.codecs import (
    DVB_EXTENSION,
    OPUS_EXTENSION,
    PRIVATE_DATA,
    REGISTRATION,
    encode_descriptor,
)
from engine.protocols.mpegts.forms import StreamForm
from engine.protocols.mpegts.limits import MAX_AUDIO_FRAME_BYTES
from engine.protocols.mpegts.mpeg_audio import is_mpeg_1
from engine.protocols.mpegts.opus import channel_code, encode_control_header
from engine.protocols.mpegts.pes import AUDIO_ID, PRIVATE_ID

_AAC: Final = StreamForm(0x0F, b"", AUDIO_ID)
_MPEG_1: Final = StreamForm(0x03, b"", AUDIO_ID)
_MPEG_2: Final = StreamForm(0x04, b"", AUDIO_ID)
_AC3: Final = StreamForm(0x81, encode_descriptor(REGISTRATION, b"AC-3"), PRIVATE_ID)


class AudioWriter:
    """One audio track. `form` is None until it is known, from a codec header or, where a codec has none, from
    the first frame."""

    def __init__(self) -> None:
        self.form: StreamForm | None = None
        self._adts: AdtsWriter | None = None

    def configure(self, codec: str, config: bytes) -> bool:
        """Take a codec header's record; False if it is none of ours or says what cannot be written."""
        self.form, self._adts = None, None
        try:
            if codec == "mp4a":
                self._adts = AdtsWriter(config)
                self.form = _AAC
            elif codec == "Opus":
                self.form = _opus_form(channel_code(config))
        except BadConfig:
            return False
        return self.form is not None

    def unit(self, codec: str, payload: bytes) -> list[bytes] | None:
        """Return the pieces of a frame; None if it cannot be written."""
        if not 0 < len(payload) <= MAX_AUDIO_FRAME_BYTES:
            return None
        if codec == "mp4a":
            frame = self._adts.frame(payload) if self._adts else None
            return [frame] if frame else None
        if codec == "Opus":
            is_opus = self.form is not None and self.form.stream_type == PRIVATE_DATA
            return [encode_control_header(len(payload)), payload] if is_opus else None
        form = _form_without_header(codec, payload)
        if form is not None:
            self.form = form
        return [payload] if form else None


def _form_without_header(codec: str, frame: bytes) -> StreamForm | None:
    if codec == ".mp3":
        return _MPEG_1 if is_mpeg_1(frame) else _MPEG_2
    return _AC3 if codec == "ac-3" else None


def _opus_form(code: int) -> StreamForm:
    descriptors = encode_descriptor(REGISTRATION, b"Opus")
    descriptors += encode_descriptor(DVB_EXTENSION, bytes((OPUS_EXTENSION, code)))
    return StreamForm(PRIVATE_DATA, descriptors, PRIVATE_ID)
