"""Names of streams as values: through the one door, when the file is read.

So a bad one is the operator's mistake, and not a surprise of the first client.
"""

from engine.access.names import BadName, parse_stream_name


def read_stream_name(value: object) -> str:
    """The full name of a stream; ValueError says what is wrong."""
    if not isinstance(value, str):
        raise ValueError("a stream name is a text")
    try:
        return parse_stream_name(value)
    except BadName as error:
        raise ValueError(str(error)) from None
