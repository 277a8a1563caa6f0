"""What all sections of the configuration share."""

from msgspec import Struct


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """Immutable, and no key that is not declared."""
