"""Lists as they stand in the file, or as the text of one in the environment."""


def words_of(value: object) -> list[str]:
    """The list of texts that `value` is, or spells with commas between; ValueError says what is wrong."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise ValueError("not a list of texts")
    return list(value)
