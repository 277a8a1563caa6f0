"""The sandbox that the engine is tried in holds what it claims, or the trial proves nothing."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.deploy import sandbox as sandboxes
from tests.deploy.sandbox import may_look_everywhere, sandbox
from tests.house.source import ROOT

PATIENCE_S: Final = 30.0

REFUSED: Final = {
    "write a file elsewhere": "open('/etc/fanlight-was-here', 'w')",
    "open a socket of another family": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "raise a limit": "resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 30, 1 << 30))",
}
DEADLY: Final = {
    "make memory that is writable and executable": "mmap.mmap(-1, 4096, prot=7)",
    "make memory executable": "libc.mprotect(0, 4096, 4)",
    "enter a namespace": "libc.unshare(0x20000)",
    "mount": "libc.mount(b'/', b'/tmp', None, 4096, None)",
    "reboot": "libc.reboot(0)",
    "trace another": "libc.ptrace(0, 0, 0, 0)",
    "raise its priority": "os.nice(-5)",
}
ALLOWED: Final = {
    "write its state": "open(os.environ['STATE_DIRECTORY'] + '/spool', 'w').write('event')",
    "write what is gone with it": "os.mkdir(os.environ['RUNTIME_DIRECTORY'] + '/metrics')",
    "share memory": "os.posix_fallocate(os.memfd_create('ring', os.MFD_ALLOW_SEALING), 0, 4096)",
    "start a thread": "thread = threading.Thread(target=print); thread.start(); thread.join()",
}

# Each statement in a child of its own, since some kill it. 0: done; 1: OSError or ValueError; -N: signal N.
TRIAL: Final = """
import ctypes, json, mmap, os, resource, socket, sys, threading

libc = ctypes.CDLL(None)


def attempt(statement):
    try:
        exec(statement)
    except (OSError, ValueError):
        os._exit(1)
    except BaseException:
        os._exit(2)
    os._exit(0)


def outcome(statement):
    child = os.fork()
    if child == 0:
        attempt(statement)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


print("\\n" + json.dumps({name: outcome(statement) for name, statement in json.loads(sys.argv[1]).items()}))
"""


@pytest.fixture(scope="module")
def outcomes() -> dict[str, int]:
    with sandbox() as home:
        command = [*home.prefix, sys.executable, "-I", "-c", TRIAL, json.dumps(REFUSED | DEADLY | ALLOWED)]
        done = subprocess.run(
            command, env=home.environ, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("deed", ALLOWED)
def test_lets_one(deed: str, outcomes: dict[str, int]) -> None:
    assert outcomes[deed] == 0


@pytest.mark.parametrize("deed", REFUSED)
def test_refuses_to(deed: str, outcomes: dict[str, int]) -> None:
    assert outcomes[deed] == 1


@pytest.mark.parametrize("deed", DEADLY)
def test_kills_who_tries_to(deed: str, outcomes: dict[str, int]) -> None:
    assert outcomes[deed] == -signal.SIGSYS


def test_says_what_bars_a_container_s_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandboxes, "barring_folders", lambda: [Path("/root")])
    monkeypatch.setattr(sandboxes, "can_give", lambda _capability: False)
    with pytest.raises(AssertionError, match="nobody but root may enter /root"):
        may_look_everywhere()


def test_a_capability_that_was_taken_away_cannot_be_given() -> None:
    question = "from tests.deploy.sandbox import can_give; print(can_give(2))"
    less = ["setpriv", "--bounding-set=-dac_read_search"] if sandboxes.RUN_BY_ROOT else []
    command = [*less, sys.executable, "-c", question]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert asked.stdout == "False\n"
