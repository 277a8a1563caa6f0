"""The address in a `remote`, as connections are called by where they come from."""


def host_of(remote: str) -> str:
    """The address in "host:port", with the brackets of an IPv6 address."""
    return remote.rpartition(":")[0]


def ip_of(remote: str) -> str:
    """The address in "host:port", "[host]:port" or, where only a proxy knows the port, "host"; without
    brackets, as services outside expect it.
    """
    if remote.startswith("["):
        return remote[1:].partition("]")[0]
    return remote.partition(":")[0] if remote.count(":") == 1 else remote
