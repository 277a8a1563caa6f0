"""The PROXY protocol, receiving side: whom a proxy in front of us speaks for."""

from engine.protocols.proxy.errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from engine.protocols.proxy.reader import ProxyHeader, ProxyReader

__all__ = ["LocalProtocolError", "ProtocolError", "ProxyHeader", "ProxyReader", "RemoteProtocolError"]
