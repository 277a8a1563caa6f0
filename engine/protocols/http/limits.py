"""Bounds on what a client may send before it is a player."""

KIB = 1024

#: One request head, request line included. nginx allows 4 x 8 KiB, h11 16 KiB, Apache 8 KiB a line.
MAX_HEAD_BYTES = 16 * KIB

#: Browsers send about twenty fields, a chain of proxies perhaps forty. Apache and Node.js: 100 and 2,000.
MAX_HEADERS = 100

#: The request target with its query. Signed links of content networks reach about 2 KiB. nginx: 8 KiB.
MAX_TARGET_BYTES = 8 * KIB

#: The path as it was sent. Four name segments of 64 characters, percent-encoded, are under 800.
MAX_PATH_BYTES = KIB

#: Targets and paths that may be remembered; those of a stream and its parts are under 100, and nobody's
#: memory is to be filled with long ones.
MAX_REMEMBERED_BYTES = 256

#: Parameters in a query: start mode, token, expiry and what a player's page adds for itself.
MAX_QUERY_PAIRS = 32

#: One decoded parameter name; ours are all shorter than ten.
MAX_QUERY_NAME_CHARS = 64

#: One decoded parameter value: a JSON Web Token with a few claims is 1 to 2 KiB.
MAX_QUERY_VALUE_CHARS = 4 * KIB

#: What a log line may carry of the client's own description of itself.
MAX_USER_AGENT_CHARS = 256

#: What a player may send behind its request. It has nothing more to say; a second request that was sent
#: ahead is some hundred bytes.
MAX_UNASKED_BYTES = 64 * KIB

#: Digits of a position in a Range field; nineteen hold every file size there is.
MAX_RANGE_DIGITS = 19
