"""What the metrics of the systems that this engine stands in for are called here."""

from typing import Final

from engine.metrics.sources.gateway import GATEWAY
from engine.metrics.sources.media import MEDIA
from engine.metrics.sources.name import Reserved, Source
from engine.metrics.sources.page import names_page
from engine.metrics.sources.reserved import RESERVED
from engine.metrics.sources.synctv import SYNCTV

SOURCES: Final = (SYNCTV, GATEWAY, MEDIA)

__all__ = ["RESERVED", "SOURCES", "Reserved", "Source", "names_page"]
