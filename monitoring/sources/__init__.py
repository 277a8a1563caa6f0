"""What the metrics of the systems that this engine stands in for are called here."""

from typing import Final

from monitoring.sources.gateway import GATEWAY
from monitoring.sources.media import MEDIA
from monitoring.sources.name import Reserved, Source
from monitoring.sources.page import names_page
from monitoring.sources.reserved import RESERVED
from monitoring.sources.synctv import SYNCTV

SOURCES: Final = (SYNCTV, GATEWAY, MEDIA)

__all__ = ["RESERVED", "SOURCES", "Reserved", "Source", "names_page"]
