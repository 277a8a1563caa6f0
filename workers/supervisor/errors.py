"""Why the engine could not start."""


class StartError(Exception):
    """One sentence for the operator. Nothing was left behind; `fanlight serve` ends with code 1."""
