"""Bounds on WebSocket traffic."""

KIB = 1024

#: One message from a player, over all its fragments. Players have nothing to say on a media socket; what they
#: do say is dropped. trio-websocket allows 1 MiB.
MAX_MESSAGE_BYTES = 64 * KIB

#: Frames in one second, of any kind. Browsers send a pong now and then, and a close; some players ping every
#: few seconds. Each costs us some 10 us and a pong.
MAX_FRAMES_PER_S = 100

#: Bytes of messages and control frames in one second: two of the largest messages. The limit on frames alone
#: would let a thousand players send 6 MiB a second each for nothing.
MAX_PAYLOAD_BYTES_PER_S = 2 * MAX_MESSAGE_BYTES

#: RFC 6455 section 5.5: control frames carry at most 125 bytes.
MAX_CONTROL_BYTES = 125

#: RFC 6455 section 5.5.1: a close frame's first two bytes are its code.
MAX_REASON_BYTES = MAX_CONTROL_BYTES - 2

#: RFC 6455 section 4.1: the key is 16 random bytes.
KEY_BYTES = 16
