"""`fanlight sign`: a link that opens one stream until it expires, for whoever has it.

The key comes out of the configuration, so that it stands in no command line and no history.
"""

import argparse
import re
import time
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from engine.access.names import BadName, join_app_and_name, parse_played_name, parse_stream_name
from engine.access.signature import Grant, signed_query
from engine.config import Config
from engine.config.instants import parse_instant
from engine.config.networks import address_of
from engine.config.secret import Secret
from engine.protocols.http import RemoteProtocolError as HttpError
from engine.protocols.http import parse_route
from engine.protocols.srt.errors import RemoteProtocolError as SrtError
from engine.protocols.srt.streamid import parse_stream_id
from workers.commands.configuration import read_configuration
from workers.commands.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE, CommandError

UNITS_S: dict[str, int] = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LIFETIME = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)

MEDIA_SCHEMES = ("http", "https", "ws", "wss")
RTMP_SCHEMES = ("rtmp", "rtmps")
KEYED = "#!::"


def run(arguments: argparse.Namespace) -> int:
    """Print the address with its signature."""
    key_id, secret = _key(read_configuration(arguments.config), arguments.key_id)
    grant = Grant(
        path=stream_of(arguments.url),
        expires_s=_expires_s(arguments),
        key_id=key_id,
        action=arguments.action,
        address=_address(arguments.address),
    )
    print(signed_url(arguments.url, signed_query(grant, secret)))
    return EXIT_OK


def stream_of(url: str) -> str:
    """The stream that an address means. Raises CommandError."""
    parts = urlsplit(url)
    try:
        if parts.scheme in RTMP_SCHEMES:
            return join_app_and_name(parts.path, "").name
        if parts.scheme in MEDIA_SCHEMES:
            route = parse_route(unquote(parts.path), {}, is_websocket=parts.scheme.startswith("ws"))
            return parse_played_name(route.raw_name)
        if parts.scheme == "srt":
            return parse_stream_name(parse_stream_id(_stream_id(url), "publish").path)
    except (BadName, HttpError, SrtError) as error:
        raise CommandError(f"{url}: {error}", exit_code=EXIT_USAGE) from None
    raise CommandError(f"{url}: not an address of a stream here", exit_code=EXIT_USAGE)


def signed_url(url: str, query: str) -> str:
    """The same address with the parameters of a signature, where each protocol has room for them."""
    if urlsplit(url).scheme == "srt":
        return _signed_srt_url(url, query)
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, query)))))


def _signed_srt_url(url: str, query: str) -> str:
    """In SRT the stream id is all there is; keyed ones have keys and values of their own."""
    stream_id = _stream_id(url)
    if stream_id.startswith(KEYED):
        more = ",".join(f"{name}={value}" for name, value in parse_qsl(query))
        signed = f"{stream_id},{more}"
    else:
        signed = f"{stream_id}{'&' if '?' in stream_id else '?'}{query}"
    parts = urlsplit(url.replace("#", "%23"))
    others = [(name, value) for name, value in parse_qsl(parts.query) if name != "streamid"]
    return urlunsplit(parts._replace(query=urlencode([("streamid", signed), *others], quote_via=quote)))


def _stream_id(url: str) -> str:
    """The stream id as it is sent. `#!::` may stand there as it is, though a URL would end there."""
    return dict(parse_qsl(urlsplit(url.replace("#", "%23")).query)).get("streamid", "")


def _key(config: Config, wanted: str | None) -> tuple[str, Secret]:
    keys = config.access.signing_keys
    key_id = wanted or next(iter(keys), "")
    secret = keys.get(key_id)
    if secret is None:
        what = f"there is no {key_id} in it" if key_id else "it is empty"
        raise CommandError(f"access.signing_keys: {what}; `fanlight key new ID --signing` makes one")
    return key_id, secret


def _expires_s(arguments: argparse.Namespace) -> int:
    now_s = int(time.time())
    if arguments.until:
        try:
            expires_s = parse_instant(arguments.until)
        except ValueError as error:
            raise CommandError(f"--until {arguments.until}: {error}", exit_code=EXIT_USAGE) from None
        if expires_s <= now_s:
            raise CommandError(f"--until {arguments.until}: that is past", exit_code=EXIT_FAILED)
        return expires_s
    form = _LIFETIME.fullmatch(arguments.lifetime)
    if form is None:
        raise CommandError(
            f"--for {arguments.lifetime}: not a time such as 90s, 15m, 2h or 7d", exit_code=EXIT_USAGE
        )
    return now_s + int(form[1]) * UNITS_S[form[2]]


def _address(text: str | None) -> str:
    if text is None:
        return ""
    address = address_of(text)
    if address is None:
        raise CommandError(f"--address {text}: not an IP address", exit_code=EXIT_USAGE)
    return str(address)
