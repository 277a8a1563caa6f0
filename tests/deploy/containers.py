"""A Dockerfile and its .dockerignore as tests read them."""

import fnmatch
import json
import re
import shlex
from pathlib import Path
from typing import NamedTuple

from tests.house.source import ROOT


class Instruction(NamedTuple):
    """One instruction: its word, its options (`--from=build`), and what follows."""

    word: str
    options: dict[str, str]
    rest: str

    @property
    def arguments(self) -> list[str]:
        """The rest as words; of the form in brackets, its strings."""
        return json.loads(self.rest) if self.rest.startswith("[") else shlex.split(self.rest)


def read_dockerfile(path: Path = ROOT / "Dockerfile") -> list[Instruction]:
    """Every instruction, continued lines joined, comments left out."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [_instruction(line) for line in joined.splitlines() if line.strip()]


def _instruction(line: str) -> Instruction:
    word, _, rest = line.partition(" ")
    options: dict[str, str] = {}
    while option := re.match(r"--([a-z-]+)=(\S+)\s+", rest):
        options[option[1]] = option[2]
        rest = rest[option.end() :]
    return Instruction(word, options, rest.strip())


def stages(instructions: list[Instruction]) -> list[list[Instruction]]:
    """The instructions of each stage, from FROM to the next one."""
    found: list[list[Instruction]] = []
    for instruction in instructions:
        if instruction.word == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found


def is_sent(path: str, patterns: list[str]) -> bool:
    """Whether .dockerignore lets a file in: the last pattern that matches it or a parent decides."""
    sent = True
    folders = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
    for pattern in patterns:
        bare = pattern.removeprefix("!").replace("**/", "*")
        if any(fnmatch.fnmatchcase(folder, bare) for folder in folders):
            sent = pattern.startswith("!")
    return sent
