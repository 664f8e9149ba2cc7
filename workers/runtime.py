"""The runtime: what an activation stands on. The database, the clocks, the providers' clients, the policies, the ledger's outside head.

Built once per process by the worker, the sweeper, the CLI or a test. `point` names each instant at which a crash test may strike;
it does nothing in a running billhook.
"""

import os
import socket
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from receiver.db import Database
from receiver.event import Event
from workers import events, policies
from workers.chain import OutsideHead
from workers.clock import Clock
from workers.errors import WorkflowInvalid
from workers.ids import new_id
from workers.limits import Meter, Operation, Rank
from workers.providers.rate import Rate
from workers.providers.service import Client
from workers.registry import Registry, Workflow


class Announces(Protocol):
    """Gives hints to other processes; may lose them."""

    def announce_delivery(self, delivery_id: int) -> None: ...

    def announce_run(self, run_id: str) -> None: ...


class Silent:
    """Announces nothing: the sweeper finds all work by itself."""

    def announce_delivery(self, delivery_id: int) -> None:
        """Nobody is told."""

    def announce_run(self, run_id: str) -> None:
        """Nobody is told."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """One source as the engine sees it. `interpret(body, native_type, native_id)` reads its deliveries.

    `silence`: how long it may be quiet before people are told; None is as its own past has it, zero for ever.
    """

    name: str
    kind: str
    zone: ZoneInfo
    interpret: Callable[..., Any]
    since: Any = None
    client: Client | None = None
    silence: timedelta | None = None


def no_point(name: str) -> None:
    """A running billhook does not stop here."""


@dataclass(kw_only=True)
class Runtime:
    """Everything an activation needs besides its run. `strict`: every activation is replayed at once (workers/strict.py); for tests.

    `new_id`: the ids of runs and effects; `simulate` counts, so that a scenario comes out the same each time.
    """

    db: Database
    clock: Clock
    registry: Registry
    accounts: Mapping[str, Account]
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    announcer: Announces = field(default_factory=Silent)
    head: OutsideHead = field(default_factory=lambda: OutsideHead(None, ""))
    point: Callable[[str], None] = no_point
    meter: Meter | None = None
    strict: bool = False
    new_id: Callable[[], str] = new_id
    _read: dict[tuple[type[BaseModel], str], dict[str, Any]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _kept: dict[int, dict[str, Any]] = field(default_factory=dict, init=False, repr=False, compare=False)
    owner: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"[:64])

    def client(self, source: str, rank: Rank = Rank.EFFECT, *, counted: Callable[[], None] | None = None) -> Client:
        """The source's provider client. An effect took its token with `calling`; the requests of every other rank take theirs.

        `counted` is called for each request that is made. Raises WorkflowInvalid for a source without one.
        """
        client = self.accounts[source].client
        if client is None:
            raise WorkflowInvalid(f'The source "{source}" has no provider to ask: run this workflow on another source', source=source)
        client = client if counted is None else client.metered(counted)  # behind the token: what had to wait was not asked
        if rank is Rank.EFFECT:
            return client
        return client.metered(partial(self._take_token, source, client.rate, rank))

    def operation(self, source: str, rank: Rank, requests: int, *, counted: Callable[[], None] | None = None) -> Client:
        """The source's provider client for one operation of so many requests: they take their tokens together, here.

        Raises RateHeld where it cannot begin now. Once begun it is not broken off: what it needs beyond `requests` is owed.
        """
        client = self.client(source, counted=counted)
        begun = Operation(self._metered(), source, client.rate, rank, requests)
        if begun.written:
            self.point("token")
        return client.metered(begun.take)

    def _take_token(self, source: str, rate: Rate, rank: Rank) -> None:
        if self._metered().take(source, rate, rank):
            self.point("token")

    def _metered(self) -> Meter:
        if self.meter is None:
            self.meter = Meter(self.db, self.clock)
        return self.meter

    def zone_of(self, source: str) -> ZoneInfo:
        return self.accounts[source].zone

    def policy_now(self, source: str, workflow: Workflow) -> dict[str, Any]:
        """Today's policy, validated, without its mode; raises pydantic.ValidationError."""
        written = {name: value for name, value in self.policies.get(workflow.name, {}).items() if name != "mode"}
        key = (workflow.policy, repr(written))
        if key not in self._read:
            self._read[key] = workflow.policy.model_validate(written).model_dump(mode="json")
        return self._read[key]

    def first_mode(self, workflow: str) -> str:
        """The mode billhook.toml gives a workflow; observe where it says nothing."""
        return str(self.policies.get(workflow, {}).get("mode", "observe"))

    def policy_body(self, policy_id: int) -> dict[str, Any]:
        """The policy of this version, which never changes."""
        if policy_id not in self._kept:
            with self.db.read() as connection:
                self._kept[policy_id] = policies.body_of(connection, policy_id)
        return self._kept[policy_id]

    def event(self, event_id: int) -> Event:
        with self.db.read() as connection:
            return events.load(connection, event_id).event
