"""What every command begins with: the configuration it was given, the database it reads, and who types.

A command asks for a Session, so that nothing is opened before the command line has been understood.
"""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from receiver.db import Database
from receiver.settings import Settings, load_settings
from workers.cli.remote import Remote, remote
from workers.settings import WorkerSettings

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Source = Annotated[str | None, typer.Option("--source", "-s", help="Only this source.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without being asked; only --remote asks.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; it is kept in the audit.")]


@dataclass(frozen=True)
class Session:
    """One call of the command line."""

    config: Path | None = None
    remote: str | None = None

    def elsewhere(self) -> Remote | None:
        """The console to ask instead of the database, where --remote names one; raises SettingsInvalid."""
        return None if self.remote is None else remote(self.remote, os.environ)

    def settings(self) -> Settings:
        """The settings in force; raises SettingsInvalid."""
        return load_settings(self.config, os.environ)

    def chosen(self) -> WorkerSettings:
        """All of billhook.toml, what only workers may know included; raises SettingsInvalid."""
        return WorkerSettings(self.config, os.environ)

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[Database]:
        """The configured database; raises SchemaOutdated where it must be `migrated` and is not."""
        database = Database(self.settings().database, read_pool=2)
        try:
            if migrated:
                database.require_schema()
            yield database
        finally:
            database.close()


def session(context: typer.Context) -> Session:
    """The Session the main callback made."""
    found = context.find_object(Session)
    return found if found is not None else Session()


def actor(at: str = "cli") -> str:
    """Who types, or runs the console, for the audit: the login name, or the user id where there is none, after where that is."""
    try:
        return f"{at}:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"{at}:uid-{os.getuid()}"
