"""A flow whose database can be put back to an earlier state."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from receiver.db import Database
from tests.conftest import create_schema
from tests.workers.letters import mail
from workers import chain, control, restored
from workers.chain import OutsideHead
from workers.testing.flow import Flow
from workers.worker import guard_restored


class Restored:
    """A flow whose database was put back to an earlier state; the sandbox stays as it is, as a provider does."""

    def __init__(self, place: Path, *, mode: str = "auto", chosen: Callable[..., None] = mail) -> None:
        self.place, self.heads, self.file = place, place / "heads", place / "billhook.db"
        create_schema(sa.create_engine(f"sqlite:///{self.file}"))
        self.database = Database(f"sqlite:///{self.file}")
        self.flow = Flow(chosen, mode=mode, database=self.database)
        self.flow.runtime.head = OutsideHead(self.heads, "worker")

    def __enter__(self) -> "Restored":
        return self

    def __exit__(self, *_: object) -> None:
        self.flow.close()
        self.database.close()

    def back_up(self) -> Path:
        """A copy of the database as it is now."""
        made = self.place / "backup.db"
        with sqlite3.connect(self.file) as source, sqlite3.connect(made) as target:
            source.backup(target)
        return made

    def restore(self, backup: Path) -> str | None:
        """The database as it was, and the worker started on it; why everything that calls is frozen now."""
        self.put_back(backup)
        return guard_restored(self.flow.runtime, self.heads)

    def put_back(self, backup: Path) -> None:
        """The database as it was, below a worker that runs on."""
        with sqlite3.connect(backup) as source, sqlite3.connect(self.file) as target:
            source.backup(target)

    def release(self) -> int:
        """As `billhook unfreeze --yes`; how many runs are doubted."""

        def act(connection: sa.Connection) -> int:
            chain.accept(connection, self.heads, at=self.flow.clock.now, actor="operator")
            doubted = restored.release(connection, at=self.flow.clock.now, actor="operator")
            control.put(connection, "freeze", None, at=self.flow.clock.now)
            return doubted

        with self.flow.db.read() as connection:
            missing = restored.lost(connection, self.heads)
        restored.look(self.flow.runtime, "shop", missing.since)
        doubted = self.flow.db.write(act)
        self.flow.settle()
        return doubted
