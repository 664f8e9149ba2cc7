"""Migrations: they build exactly the tables the program declares, once, on both databases."""

import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
import sqlalchemy as sa

from receiver.db import CORE_HEAD, Database
from receiver.errors import SchemaOutdated
from workers.migrate import heads, migrate, pending

HEADS = (CORE_HEAD, "credits_0001", "dunning_0001")

POSTGRES_SCHEMA = """
    SELECT table_name || '.' || column_name, data_type || ' ' || coalesce(character_maximum_length, 0) || ' ' || is_nullable || ' '
           || coalesce(column_default, '-') || ' ' || is_identity
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT conname, conrelid::regclass || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
"""

BRANCH = '''"""A workflow's own table."""

import sqlalchemy as sa
from alembic import op

revision = "thanks_0001"
down_revision = None
branch_labels = ("thanks",)
depends_on = None


def upgrade() -> None:
    op.create_table("thanks_sent", sa.Column("id", sa.Integer(), primary_key=True))


def downgrade() -> None:
    op.drop_table("thanks_sent")
'''

MIGRATE = """
import sys
from receiver.db import Database
from workers.migrate import migrate
database = Database(sys.argv[1])
print(migrate(database).before)
database.close()
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables, once on each kind."""
    url = f"sqlite:///{tmp_path}/empty.db" if request.param == "sqlite" else request.getfixturevalue("empty_postgres_url")
    database = Database(url)
    yield database
    database.close()


def schema_of(database: Database) -> list[tuple[str, str]]:
    """Every column, index and constraint as the database itself tells it."""
    with database.read() as connection:
        if database.dialect == "postgresql":
            return sorted((str(name), str(text)) for name, text in connection.execute(sa.text(POSTGRES_SCHEMA)))
        rows = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        return sorted((str(name), "".join(text.split())) for name, text in rows)


def test_the_program_wants_one_core_revision_and_one_of_each_shipped_workflow_with_tables() -> None:
    assert heads() == HEADS


def test_migrating_an_empty_database_builds_exactly_the_declared_tables(empty: Database, request: pytest.FixtureRequest) -> None:
    declared: Database = request.getfixturevalue("sqlite_database" if empty.dialect == "sqlite" else "postgres_database")

    migrate(empty)

    assert schema_of(empty) == schema_of(declared)


def test_a_database_is_pending_until_it_is_migrated_and_then_the_roles_accept_it(empty: Database) -> None:
    assert pending(empty) == HEADS
    with pytest.raises(SchemaOutdated, match="billhook migrate"):
        empty.require_schema()

    migrate(empty)

    assert pending(empty) == ()
    empty.require_schema()


def test_a_second_migration_changes_nothing(empty: Database) -> None:
    first = migrate(empty)

    second = migrate(empty)

    assert (first.before, first.after) == ((), HEADS)
    assert second.before == second.after == HEADS


@pytest.mark.parametrize("empty", ["postgresql", pytest.param("sqlite", marks=pytest.mark.slow)], indirect=True)
def test_two_migrations_at_once_are_one_after_the_other(empty: Database) -> None:
    command = [sys.executable, "-c", MIGRATE, empty.url]

    with Popen(command, stdout=PIPE, text=True) as one, Popen(command, stdout=PIPE, text=True) as other:
        said = sorted(process.communicate()[0].strip() for process in (one, other))

    assert said == [str(HEADS), "()"]


def test_a_workflow_folder_brings_its_own_branch_of_tables(empty: Database, tmp_path: Path) -> None:
    place = tmp_path / "workflows" / "thanks" / "migrations"
    place.mkdir(parents=True)
    (place / "thanks_0001.py").write_text(BRANCH)

    migrated = migrate(empty, [tmp_path / "workflows"])

    assert migrated.after == (*HEADS, "thanks_0001")
    with empty.read() as connection:
        assert sa.inspect(connection).has_table("thanks_sent")
