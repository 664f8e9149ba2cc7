"""Facts: what a row of the log vouches for is the house's canonical JSON, and every column of an effect is vouched for or named here."""

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from receiver.db import canonical_json, table_of
from tests.workers.letters import effect_row, mail
from workers import facts
from workers.facts import Called, Planned
from workers.ledger import EffectRow
from workers.testing.flow import Flow

COVERED_BY_OTHERS = {"id", "state", "request", "request_hash", "approved_for", "calls"}
CHANGES_FREELY = {"reason", "before", "attempts", "retired", "wake_at"}
AT = datetime(2026, 11, 20, 10, tzinfo=timezone(timedelta(hours=1)))


def test_every_column_is_vouched_for_or_known_not_to_be() -> None:
    vouched = {*Planned.__struct_fields__, *Called.__struct_fields__} - {"slots"}

    assert {column.name for column in table_of(EffectRow).c} == vouched | COVERED_BY_OTHERS | CHANGES_FREELY


@pytest.mark.parametrize("kind", [Planned, Called])
def test_the_hashed_text_is_the_houses_canonical_json(kind: type[Any]) -> None:
    one = kind(**{name: (("shop", "1", "send", "ü", 0),) if name == "slots" else 'a"ä' for name in kind.__struct_fields__})

    text = canonical_json(msgspec.structs.asdict(one))
    assert facts.hash_of(one) == hashlib.sha256(text.encode()).hexdigest()


def test_an_instant_is_hashed_as_utc() -> None:
    assert facts.of_call({"calling_at": AT}) == facts.of_call({"calling_at": AT.astimezone(UTC)})
    assert facts.instant(AT) == "2026-11-20 09:00:00.000000"


def test_only_a_plan_and_an_approval_vouch_for_the_plan() -> None:
    steps = [("", "proposed"), ("proposed", "approved"), ("approved", "calling"), ("approved", "proposed"), ("calling", "done")]

    assert [facts.plans(*step) for step in steps] == [True, True, False, False, False]


def test_what_is_hashed_is_what_the_row_says() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        row = effect_row(flow)

        assert facts.of_call(row) != facts.of_call({**row, "reply": {"STATUS": "other"}})
        assert facts.of_plan(row, []) != facts.of_plan(row, [("shop", row["object_id"], "send", "", 0)])
