"""HTTP on the media port: request heads in, response heads out, nothing in between.

A media response is a head and then the ring's own bytes until the connection closes, so this package
never frames a body. Reading is `HeadReader`, writing is the builders of `responses`, and `routes` says
which stream a path means.
"""

from engine.protocols.http.errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from engine.protocols.http.head import HeadReader
from engine.protocols.http.request import Request
from engine.protocols.http.responses import (
    error_response,
    flv_response,
    plain_response,
    preflight_response,
    response_head,
)
from engine.protocols.http.routes import Route, StartMode, parse_route

__all__ = [
    "HeadReader",
    "LocalProtocolError",
    "ProtocolError",
    "RemoteProtocolError",
    "Request",
    "Route",
    "StartMode",
    "error_response",
    "flv_response",
    "parse_route",
    "plain_response",
    "preflight_response",
    "response_head",
]
