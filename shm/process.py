"""Who is that: a process named so that a recycled process id does not pass for it."""

import os


def start_ticks(pid: int) -> int:
    """When `pid` started, in clock ticks since boot; 0 if there is no such process.

    Pid and start time together name one process for the life of the machine. proc(5): field 22 of
    /proc/pid/stat, counted from behind the last bracket, since the command's name may hold brackets and
    blanks.
    """
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        fields = os.read(fd, 4096).rpartition(b")")[2].split()
    except ProcessLookupError:  # it went between the open and the read
        return 0
    finally:
        os.close(fd)
    return int(fields[19])
