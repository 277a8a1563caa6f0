"""Defaults of arguments; light, because the command line is read before any work is loaded."""

from typing import Final

DEFAULT_API_URL: Final = "http://127.0.0.1:1985"
"""The API's default address (`[api] listen`)."""
