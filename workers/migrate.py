"""Bringing a database to this program's revision: the only code that changes tables.

Called by `billhook migrate`, by `billhook up` before it starts anything, and by tests. Every other role only compares heads.
One runs at a time: an advisory lock on PostgreSQL, the turnstile on SQLite; all revisions are one transaction on both.
Core tables are the branch `core` and come first; a workflow with a `migrations` folder, shipped or not, is a branch of its own, without
`depends_on` (Alembic would then no longer list the core's revision, which the receiver looks for).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from receiver.db import Database

HOME = Path(__file__).parent / "migrations"
SHIPPED = Path(__file__).parent.parent / "workflows"
CORE = "core"
LOCK_KEY = 0x62696C6C686F6F6B  # "billhook"


@dataclass(frozen=True, slots=True)
class Migrated:
    """Which revisions were there before, and which are now. Equal where there was nothing to do."""

    before: tuple[str, ...]
    after: tuple[str, ...]


def migrate(database: Database, folders: Sequence[Path] = ()) -> Migrated:
    """Run what is missing; `folders` are workflow folders, whose `migrations` folders are further branches."""
    config = configuration(folders)
    logging.getLogger("alembic").setLevel(logging.WARNING)

    def upgrade(connection: Connection) -> Migrated:
        if database.dialect == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
        before = found(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, f"{CORE}@head")
        command.upgrade(config, "heads")
        return Migrated(before, found(connection))

    return database.write(upgrade)


def pending(database: Database, folders: Sequence[Path] = ()) -> tuple[str, ...]:
    """The heads this database lacks; empty where it is up to date."""
    with database.read() as connection:
        there = found(connection)
    return tuple(sorted(set(heads(folders)) - set(there)))


def heads(folders: Sequence[Path] = ()) -> tuple[str, ...]:
    """The revisions this program wants: the core's, and one of each workflow with tables."""
    return tuple(sorted(ScriptDirectory.from_config(configuration(folders)).get_heads()))


def found(connection: Connection) -> tuple[str, ...]:
    """The revisions a database is at."""
    return tuple(sorted(MigrationContext.configure(connection).get_current_heads()))


def configuration(folders: Sequence[Path] = ()) -> Config:
    """Alembic's configuration: no ini file, the core's versions first, then the shipped workflows', then those of further folders."""
    places = [HOME / "versions", *(place for folder in (SHIPPED, *folders) for place in sorted(folder.glob("*/migrations")))]
    config = Config()
    config.set_main_option("script_location", str(HOME))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(str(place) for place in places))
    return config
