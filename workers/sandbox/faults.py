"""What goes wrong on request: which call, how, and how often.

Owns the kinds of fault and their order of use. core.py asks before and after acting; the transport or the app makes them felt.
"""

from dataclasses import dataclass, field

BEFORE = ("refuse", "dns", "tls", "rate", "error-before", "unavailable", "gone", "not-json-before", "login", "decline")
AFTER = ("drop", "late", "error-after", "gateway-after", "not-json", "slow", "drip", "truncate", "no-status")
KINDS = (*BEFORE, *AFTER)


@dataclass(slots=True, kw_only=True)
class Fault:
    """`kind` on the next `times` calls of `service` (None: any), after `skip` calls went well.

    refuse, dns, tls: no connection. rate: 429. error-before / error-after: 500 without / with the act. unavailable: 503.
    gateway-after: 502 with the act. gone: 404. login: 401. decline: refused in the
    provider's own words. drop: acts, then the answer is lost. late: the same, and for `seconds`
    reads show what was there before. slow, drip: acts, then answers too late or byte by byte.
    not-json: acts, answers a page. truncate: acts, answers half. no-status: acts, answers without what is promised.
    """

    kind: str
    service: str | None = None
    times: int = 1
    skip: int = 0
    seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind}: one of {', '.join(KINDS)}")


@dataclass
class Faults:
    """The faults still to come, first come first used."""

    planned: list[Fault] = field(default_factory=list)

    def add(self, kind: str, service: str | None = None, *, times: int = 1, skip: int = 0, seconds: float = 30.0) -> Fault:
        """Plan a fault. Raises ValueError for an unknown kind, naming the known ones."""
        fault = Fault(kind=kind, service=service, times=times, skip=skip, seconds=seconds)
        self.planned.append(fault)
        return fault

    def clear(self) -> None:
        self.planned.clear()

    def peek(self, service: str) -> Fault | None:
        """The fault that `take` would give, left in place."""
        fault = next((fault for fault in self.planned if fault.service in (None, service)), None)
        return None if fault is None or fault.skip > 0 else fault

    def take(self, service: str) -> Fault | None:
        """The fault for this call, used up by one."""
        for fault in self.planned:
            if fault.service not in (None, service):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                return None
            fault.times -= 1
            if fault.times <= 0:
                self.planned.remove(fault)
            return fault
        return None
