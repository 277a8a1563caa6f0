"""Starts a command under what the systemd unit asks for, as far as this can be had without systemd.

    python confinement.py SPECIFICATION COMMAND...

Theory of operation. What needs rights comes first and what takes them away last, each step in the same
process: limits, a mount namespace in which everything but some folders is read-only, then setpriv(1) for
another user without capabilities, then this file again for the filter of system calls, then the command. An
ordinary container forbids mount namespaces, and an old kernel cannot make a tree of mounts read-only; there
the other user's rights alone keep the command from writing, and a line says so.

The filter kills where systemd answers EPERM: a refusal that the engine swallows would be a feature that is
silently off in production. This file imports nothing of the project, since it runs as a user who may see
little.
"""

import ctypes
import errno
import json
import os
import resource
import signal
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

DAC_READ_SEARCH: Final = 2  # capabilities(7), its number

PR_SET_PDEATHSIG: Final = 1
CLONE_NEWNS: Final = 0x0002_0000
CLONE_NEWUSER: Final = 0x1000_0000
CLONE_NEW_ANY: Final = 0x7E02_0080  # all namespaces, the time namespace too: clone(2), unshare(2)

MS_BIND_ALL: Final = 0x1000 | 0x4000  # mount(2), MS_BIND | MS_REC
MS_PRIVATE_ALL: Final = (1 << 18) | 0x4000  # MS_PRIVATE | MS_REC
SYS_MOUNT_SETATTR: Final = 442  # on every processor
AT_FDCWD: Final = -100
AT_RECURSIVE: Final = 0x8000
MOUNT_ATTR_RDONLY: Final = 1

ALLOW: Final = 0x7FFF_0000  # seccomp_init(3)
KILL: Final = 0x8000_0000
ANSWER_ERRNO: Final = 0x0005_0000
EQUAL: Final = 4  # enum scmp_compare
GREATER: Final = 6
MASKED: Final = 7

PROT_WRITE: Final = 2
PROT_EXEC: Final = 4

Specification = Mapping[str, Any]
Condition = tuple[int, int, int, int]
"""Number of the argument, comparison, and one or two values: struct scmp_arg_cmp."""


class Compared(ctypes.Structure):
    """struct scmp_arg_cmp."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("comparison", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


libc = ctypes.CDLL(None, use_errno=True)


def outside(specification: Specification, command: list[str]) -> NoReturn:
    """Do what needs rights, and go on as the other user."""
    os.chdir("/")
    os.umask(int(specification["umask"], 8))
    for name, value in specification["limits"].items():
        limit = getattr(resource, f"RLIMIT_{name}")
        most = min(value, _finite(resource.getrlimit(limit)[1]))
        resource.setrlimit(limit, (most, most))
    _keep_from_writing(specification["writable"])
    again = [sys.executable, "-I", __file__, "--inside", json.dumps(specification), *command]
    os.execvp("setpriv", [*_setpriv(specification), *again])


def inside(specification: Specification, command: list[str]) -> NoReturn:
    """Do what a user without rights may do, and become the command."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # whoever changes his user loses it
    Filter(specification["calls"], specification["families"]).load()
    os.execv(command[0], command)


def _finite(limit: int) -> int:
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit


def _setpriv(specification: Specification) -> list[str]:
    """The part of the command line that changes the user; one who is not root stays who he is."""
    if os.geteuid() != 0:
        return ["setpriv", "--no-new-privs"]
    kept = ",+dac_read_search" if specification["may_look_everywhere"] else ""
    identity = [f"--reuid={specification['uid']}", f"--regid={specification['gid']}", "--clear-groups"]
    capabilities = [f"--{kind}=-all{kept}" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
    return ["setpriv", "--no-new-privs", *identity, *capabilities]


def _keep_from_writing(writable: Iterable[str]) -> None:
    """Let the command write into these folders alone, where that can be had."""
    try:
        _enter_mount_namespace()
    except OSError as error:
        print(f"no mount namespace to be had here: {error}", file=sys.stderr)
        return
    try:
        _lock_file_systems(writable)
    except OSError as error:
        if error.errno != errno.ENOSYS:  # a Linux before 5.12 does not know mount_setattr
            raise
        print(f"no file system to be locked here: {error}", file=sys.stderr)


def _lock_file_systems(writable: Iterable[str]) -> None:
    """Make all file systems read-only, but for some folders: ProtectSystem=strict, and more."""
    for folder in writable:
        _check(libc.mount(folder.encode(), folder.encode(), None, MS_BIND_ALL, None))
    _set_attributes("/", AT_RECURSIVE, added=MOUNT_ATTR_RDONLY)
    for folder in writable:
        _set_attributes(folder, 0, removed=MOUNT_ATTR_RDONLY)


def _enter_mount_namespace() -> None:
    """From here on mounts are this process's own affair. Raises OSError where that is not allowed."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        _check(libc.unshare(CLONE_NEWNS))
    else:
        _check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _check(libc.mount(None, b"/", None, MS_PRIVATE_ALL, None))


def _set_attributes(path: str, flags: int, added: int = 0, removed: int = 0) -> None:
    attributes = (ctypes.c_uint64 * 4)(added, removed, 0, 0)  # struct mount_attr
    size = ctypes.sizeof(attributes)
    _check(libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, path.encode(), flags, ctypes.byref(attributes), size))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Filter:
    """SystemCallFilter=, RestrictAddressFamilies=, MemoryDenyWriteExecute= and RestrictNamespaces=."""

    def __init__(self, calls: Iterable[str], families: Iterable[int]) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(KILL))
        special = {
            "socket": lambda: self._restrict_families(sorted(families)),
            "mmap": lambda: self._refuse_mask("mmap", 2, PROT_WRITE | PROT_EXEC),
            "mprotect": lambda: self._refuse_mask("mprotect", 2, PROT_EXEC),
            "pkey_mprotect": lambda: self._refuse_mask("pkey_mprotect", 2, PROT_EXEC),
            "clone": lambda: self._permit("clone", [(0, MASKED, CLONE_NEW_ANY, 0)]),
            # Its flags are in memory, where no filter looks. systemd answers the same, and libc takes clone.
            "clone3": lambda: self._add(ANSWER_ERRNO | errno.ENOSYS, "clone3"),
            "unshare": lambda: self._permit("unshare", [(0, MASKED, CLONE_NEW_ANY, 0)]),
            "setns": lambda: None,
        }
        for call in calls:
            special.get(call, lambda call=call: self._permit(call))()

    def load(self) -> None:
        """Put it in force, for this process and all that come of it."""
        self._succeed(self._library.seccomp_load(self._context))

    def _restrict_families(self, families: list[int]) -> None:
        refusal = ANSWER_ERRNO | errno.EAFNOSUPPORT
        self._add(refusal, "socket", [(0, GREATER, families[-1], 0)])
        for family in range(families[-1] + 1):
            self._add(ALLOW if family in families else refusal, "socket", [(0, EQUAL, family, 0)])

    def _refuse_mask(self, call: str, argument: int, mask: int) -> None:
        """Allow all combinations of the mask's bits but the full one."""
        for value in range(mask):
            if value & mask == value:
                self._permit(call, [(argument, MASKED, mask, value)])

    def _permit(self, call: str, conditions: Iterable[Condition] = ()) -> None:
        self._add(ALLOW, call, conditions)

    def _add(self, action: int, call: str, conditions: Iterable[Condition] = ()) -> None:
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:  # of another processor, or newer than the library
            return
        compared = [Compared(*condition) for condition in conditions]
        array = (Compared * len(compared))(*compared)
        add = self._library.seccomp_rule_add_array
        self._succeed(add(self._context, ctypes.c_uint32(action), number, len(compared), array))

    @staticmethod
    def _succeed(result: int) -> None:
        if result < 0:
            raise OSError(-result, os.strerror(-result))


if __name__ == "__main__":
    words = sys.argv[1:]
    if words[0] == "--inside":
        inside(json.loads(words[1]), words[2:])
    outside(json.loads(words[0]), words[1:])
