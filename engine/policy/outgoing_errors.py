"""What can go wrong with a request to the outside, beyond what goes wrong with any call there."""

from engine.policy.outside import Blame, OutsideError


class Forbidden(OutsideError):
    """The URL, or an address that its host has, is none that this engine may go to. Nothing was sent."""

    reason = "forbidden"
    blame = Blame.OURS


class Unreachable(OutsideError):
    """The name has no address, or nobody takes the connection."""

    reason = "unreachable"


class Broken(OutsideError):
    """The connection broke off, or what came was no HTTP."""

    reason = "broken"


class BadCertificate(OutsideError):
    """The service could not prove that it is the host of the URL."""

    reason = "bad_certificate"
    blame = Blame.THEIRS_FOR_GOOD


class Redirected(OutsideError):
    """The service says it is somewhere else. Nobody goes there: the next address is not the one
    configured."""

    reason = "redirected"
    blame = Blame.THEIRS_FOR_GOOD


class TooLarge(OutsideError):
    """The answer is larger than any that is expected here; the rest of it was not read."""

    reason = "too_large"
    blame = Blame.THEIRS_FOR_GOOD


class BadStatus(OutsideError):
    """The service says that it cannot answer now: any status from 500 on, 429, and those below 200."""

    reason = "bad_status"

    def __init__(self, dependency: str, status: int) -> None:
        super().__init__(dependency, f"it answered {status}", "see the service's own log")
        self.status = status
