"""Tables and lists as they stand in the file, or as the text of one in the environment."""

import tomllib
from collections.abc import Mapping


def table_of(value: object) -> Mapping[str, object]:
    """The table that `value` is or spells, "{name = ...}"; ValueError says what is wrong."""
    found = _spelled(value) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        raise ValueError("not a table")
    return found


def words_of(value: object) -> list[str]:
    """The list of texts that `value` is, or spells with commas between; ValueError says what is wrong."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise ValueError("not a list of texts")
    return list(value)


def _spelled(text: str) -> object:
    try:
        document = tomllib.loads(f"table = {text}")
    except (ValueError, RecursionError):
        document = {}
    if document.keys() != {"table"}:
        raise ValueError("not a TOML inline table")
    return document["table"]
