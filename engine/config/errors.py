"""What loading a configuration may raise: this, and nothing else."""


class ConfigError(Exception):
    """The configuration cannot be used.

    `problems` has one plain sentence per mistake (all of them, not the first only), each naming the key,
    what is wrong with it and what is allowed. Values of secrets never appear in it. Any other exception
    out of `engine.config` is a bug.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
