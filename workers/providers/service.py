"""What a provider's service is: a typed request, a typed reply, and what may be done when the reply is lost.

Owns the shapes every provider file declares its rows in and the engine calls through. Nothing here knows a provider.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from workers.errors import WorkflowInvalid
from workers.providers.rate import Rate

R = TypeVar("R", bound=BaseModel)


class Client(Protocol):
    """One configured account of one provider, ready to be asked."""

    @property
    def source(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def zone(self) -> ZoneInfo: ...

    @property
    def rate(self) -> Rate:
        """How many calls the provider takes, reads and writes together."""
        ...

    def metered(self, take: Callable[[], None]) -> "Client":
        """The same client, calling take() before each request; what that raises goes to the caller, and nothing was asked."""
        ...

    def query(self, query: "Query[R]", id: str) -> R:
        """What the provider says now. Raises NotFound where it has no such object, Retryable for everything else."""
        ...

    def query_all(self, query: "Query[R]", ids: Sequence[str]) -> Sequence[R]:
        """What the provider says now of several objects, in the order of `ids`. Raises as query does."""
        ...

    def call(
        self,
        service: "Service",
        request: BaseModel,
        *,
        before_write: Callable[[], None] | None = None,
        started: float | None = None,
    ) -> BaseModel:
        """The reply of a writing service, once.

        `before_write` runs after DNS, TCP and TLS, immediately before the first byte; if it raises, nothing was asked.
        `started` is `http.boot_clock()` at the `calling` commit (default: now): the first byte leaves within 5 s of it.
        Raises Retryable (nothing was asked), Rejected (it said no), OutcomeUnknown (look before asking again).
        """
        ...


class NotLetIn(OSError):
    """It cannot be used as it is set up: nothing was asked, and asking again is no cure. Says what to correct."""


@dataclass(frozen=True)
class Query(Generic[R]):
    """A read of one object by id. `object_kind` is the mirror's kind it tells about ("invoice", "customer").

    `kinds`: the source kinds that have it.
    `requests`: how many calls it makes. They are taken from the provider's rate before the first, so that it is not broken off.
    `together`: the same of several objects in fewer calls, (client, ids) -> documents in that order: `requests` for the first of them,
    `apiece` for each further one.
    """

    name: str
    object_kind: str
    result: type[R]
    run: Callable[[Any, str], R]
    requests: int = 1
    kinds: frozenset[str] = frozenset({"monsum", "fastbill"})
    together: Callable[[Any, Sequence[str]], Sequence[R]] | None = None
    apiece: int = 1

    def calls(self, count: int) -> int:
        """How many calls a read of so many objects makes."""
        return self.requests * count if self.together is None else self.requests + self.apiece * (count - 1)


def asked_of(client: Client, provider: str, query: Query[R], id: str) -> R:
    """What the provider, by its name, says now. Raises as Client.query does, and WorkflowInvalid for a query of another provider."""
    if client.kind not in query.kinds:
        raise WorkflowInvalid(
            f'The source "{client.source}" is {provider} and has no {query.name}: switch this workflow off there with `billhook mode`',
            source=client.source,
        )
    return query.run(client, id)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A call whose outcome is to be found out: when it began, and the fresh read that was made before it (or None).

    `before_call`: it is not made yet, and is asked for in order to know whether it may be.
    """

    called_at: datetime
    request_id: str
    before: BaseModel | None = None
    before_call: bool = False


@dataclass(frozen=True, kw_only=True)
class Look:
    """What reading back shows: it happened (True), it did not (False), or this cannot be told (None).

    `detail` names what was compared; it holds no value that came from outside.
    """

    found: bool | None
    reference: str | None = None
    detail: str = ""


@dataclass(frozen=True)
class Find:
    """Can be read back: reconcile before retry. A *no* counts only from `no_counts_after_s` seconds after the call.

    `apart_s`:   where above zero, a *no* is believed only beside another one that many seconds older.
    `calls_max`: so many calls in all; once nobody knows of the last one either, a *no* is for a person.
    """

    look: Callable[[Any, Any, Asked], Look]
    no_counts_after_s: float = 60.0
    apart_s: float = 0.0
    calls_max: int | None = None


@dataclass(frozen=True)
class Idempotent:
    """Takes the provider's own key: the same call may be repeated within `life`."""

    life: timedelta


@dataclass(frozen=True)
class AtMostOnce:
    """Can neither be read back nor repeated: an unknown outcome is parked for a person."""


EffectClass = Find | Idempotent | AtMostOnce
Mirrored = tuple[str, str, Mapping[str, Any]]
MASKED = "(a secret, kept nowhere)"


def no_mirror(request: Any, reply: Any) -> Mirrored | None:
    """Nothing on the mirror is known better after this call."""
    return None


def no_reference(reply: Any) -> str | None:
    """The provider names nothing by which this call can be found again."""
    return None


@dataclass(frozen=True, kw_only=True)
class Service:
    """One writing service of a provider.

    `kinds`:     the source kinds that have it.
    `object_kind`: what the object is whose id the request names ("invoice", "customer", …); "" where it names none.
    `build`:     (object, **kwargs) -> request; the object has `.source` and `.id`.
    `mirror`:    (request, reply) -> (object kind, id, canonical fields) known from a settled call, or None.
    `reference`: reply -> the provider's own name for what happened, or None.
    `secret`:    the fields of its reply that let somebody in: no ledger, journal or workflow ever sees them.
    `shut_out`:  the alert a NotLetIn raises, and the next call that is done closes; "" where nothing raises one.
    """

    name: str
    kinds: frozenset[str]
    request: type[BaseModel]
    reply: type[BaseModel]
    effect_class: EffectClass
    build: Callable[..., BaseModel]
    object_kind: str = ""
    mirror: Callable[[Any, Any], Mirrored | None] = no_mirror
    reference: Callable[[Any], str | None] = no_reference
    secret: tuple[str, ...] = ()
    shut_out: str = ""

    def __post_init__(self) -> None:
        if strangers := sorted(set(self.secret) - set(self.reply.model_fields)):
            raise TypeError(f"{self.name} keeps {', '.join(strangers)} secret, which its reply has not")
        if not isinstance(self.effect_class, Find | Idempotent | AtMostOnce):
            raise TypeError(f"{self.name} writes: it must declare Find, Idempotent or AtMostOnce")

    def shown(self, reply: BaseModel) -> dict[str, Any]:
        """The reply as JSON, as it may be kept: what is `secret` and was said is MASKED."""
        said = reply.model_dump(mode="json")
        return said | {name: MASKED for name in self.secret if said[name] is not None}
