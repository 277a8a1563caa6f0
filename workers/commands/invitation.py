"""What `fanlight demo` says once it runs: what to open, in words that can be pasted."""

from collections.abc import Iterator, Mapping
from itertools import chain

from workers.commands.addresses import Address
from workers.commands.defaults import DEFAULT_API_URL

TITLES = {
    "rtmp": "RTMP",
    "http": "HTTP",
    "rtmps": "RTMPS",
    "https": "HTTPS",
    "srt": "SRT",
    "api": "API",
    "metrics": "metrics",
}


def invitation(name: str, addresses: Mapping[str, Address]) -> str:
    """The whole text."""
    parts = (_moved(addresses), _watch(name, addresses), _watch_over_tls(name, addresses))
    return "\n".join(chain(*parts, _look(addresses), _publish(addresses)))


def _moved(addresses: Mapping[str, Address]) -> Iterator[str]:
    for kind, address in addresses.items():
        if address.instead_of:
            yield f"{TITLES[kind]} is on port {address.listen.port}: {address.instead_of} is taken"


def _watch(name: str, addresses: Mapping[str, Address]) -> Iterator[str]:
    http, rtmp, srt = (addresses[kind].reachable for kind in ("http", "rtmp", "srt"))
    flv = f"http://{http}/{name}.flv"
    yield f"""
A test stream is live as {name}. Watch it:

  a browser                  http://{http}/play/{name}
  HLS                        http://{http}/{name}.m3u8
  ffplay -fflags nobuffer {flv}
  ffplay rtmp://{rtmp}/{name}
  ffplay 'srt://{srt}?streamid=read:{name}'
  vlc {flv}
  mpegts.js (HTTP-FLV)       mpegts.createPlayer({{type: "flv", isLive: true, url: "{flv}"}})
  mpegts.js (WebSocket-FLV)  mpegts.createPlayer({{type: "flv", isLive: true, url: "ws://{http}/{name}.flv"}})"""


def _watch_over_tls(name: str, addresses: Mapping[str, Address]) -> Iterator[str]:
    if "https" not in addresses:
        return
    https, rtmps = addresses["https"].reachable, addresses["rtmps"].reachable
    yield f"""
Over TLS, where the certificate is trusted:

  a browser                  https://{https}/play/{name}
  HLS                        https://{https}/{name}.m3u8
  ffplay -fflags nobuffer https://{https}/{name}.flv
  ffplay rtmps://{rtmps}/{name}"""


def _look(addresses: Mapping[str, Address]) -> Iterator[str]:
    api, metrics = addresses["api"].reachable, addresses["metrics"].reachable
    option = "" if f"http://{api}" == DEFAULT_API_URL else f" --api http://{api}"
    yield f"""
Look inside:

  fanlight top{option}
  curl http://{api}/api/v1/streams
  curl http://{api}/api/v1/clients
  curl http://{metrics}/metrics"""


def _publish(addresses: Mapping[str, Address]) -> Iterator[str]:
    yield f"""
Publish something of your own:

  fanlight publish FILE rtmp://{addresses["rtmp"].reachable}/live/mine --loop

Ctrl-C stops everything."""
