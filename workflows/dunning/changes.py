"""What became of ladders and notices, when: every change of state or reason, never overwritten.

Owns table `dunning_change` and its queries. tables.py writes it with the change itself; the timeline reads it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from workers.authoring import Json, UtcDateTime, row_id, table_of


class ChangeRow(SQLModel, table=True):
    """A ladder or a notice took `state`. `name`: the level concerned, such as "L2", where one is; `reason`: why nothing is done now.

    `figures`: what the invoice came to then, as decimal strings, where the change says it.
    """

    __tablename__ = "dunning_change"
    __table_args__ = (sa.Index("dunning_change_invoice", "source", "invoice_id"),)

    id: int | None = Field(default=None, sa_column=row_id())
    source: str = Field(max_length=64)
    invoice_id: str = Field(max_length=128)
    name: str | None = Field(default=None, max_length=16)
    state: str = Field(max_length=16)
    reason: str | None = Field(default=None, max_length=64)
    figures: Any = Field(default=None, sa_column=sa.Column(Json))
    at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))


_CHANGE = table_of(ChangeRow)


def keep(
    connection: Connection, source: str, invoice_id: str, *, name: str | None, state: str, reason: str | None, at: datetime,
    figures: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """One more change."""
    values: dict[str, Any] = {"source": source, "invoice_id": invoice_id, "name": name, "state": state, "reason": reason, "at": at}
    values["figures"] = None if figures is None else dict(figures)
    connection.execute(sa.insert(_CHANGE).values(values))


def of_source(connection: Connection, source: str) -> Sequence[sa.RowMapping]:
    """Every change of a source, in order."""
    return connection.execute(sa.select(_CHANGE).where(_CHANGE.c.source == source).order_by(_CHANGE.c.id)).mappings().all()
