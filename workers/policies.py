"""Policies: what a workflow's settings said at a certain moment.

Owns table `policy_version`. A run names the version it started under; a changed billhook.toml makes a new version and diverges
no live run.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import Json, UtcDateTime, canonical_json, insert_new, row_id, table_of


class PolicyVersion(SQLModel, table=True):
    """One policy of one workflow, as validated."""

    __tablename__ = "policy_version"
    __table_args__ = (sa.UniqueConstraint("workflow", "hash", name="policy_version_hash"),)

    id: int | None = Field(default=None, sa_column=row_id())
    workflow: str = Field(max_length=64)
    hash: str = Field(max_length=64)
    body: Any = Field(default=None, sa_column=sa.Column(Json, nullable=False))
    first_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))


_POLICY = table_of(PolicyVersion)
_FOUND = sa.select(_POLICY.c.id).where(_POLICY.c.workflow == sa.bindparam("of_workflow"), _POLICY.c.hash == sa.bindparam("of_hash"))

_BODY = sa.select(_POLICY.c.body).where(_POLICY.c.id == sa.bindparam("of_policy"))


def model_of(model: type[BaseModel], body: Mapping[str, Any]) -> BaseModel:
    """The policy a kept body stands for. A frozen one is made once and shared: most runs of a workflow have the same."""
    if not model.model_config.get("frozen"):
        return model.model_validate(body)
    return _shared(model, canonical_json(body))


@lru_cache(maxsize=64)
def _shared(model: type[BaseModel], text: str) -> BaseModel:
    return model.model_validate(json.loads(text))


def version(connection: Connection, workflow: str, body: dict[str, Any], *, at: datetime) -> int:
    """The id of this policy's version, kept on first sight."""
    hashed = hashlib.sha256(canonical_json(body).encode()).hexdigest()
    named = {"of_workflow": workflow, "of_hash": hashed}
    known = connection.execute(_FOUND, named).scalar_one_or_none()
    if known is None:
        insert_new(connection, PolicyVersion, {"workflow": workflow, "hash": hashed, "body": body, "first_at": at})
        known = connection.execute(_FOUND, named).scalar_one()
    return int(known)


def body_of(connection: Connection, policy_id: int) -> dict[str, Any]:
    """The policy as it was kept."""
    return dict(connection.execute(_BODY, {"of_policy": policy_id}).scalar_one())
