"""Alembic's entry point: runs on the connection and in the transaction that workers/migrate.py hands over."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from receiver.db import Json, UtcDateTime
from workers.schema import METADATA


def plain_type(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Revisions name plain types, so that they stay true when ours change."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Json):
        return "sa.Text()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_item=plain_type,
    compare_type=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
