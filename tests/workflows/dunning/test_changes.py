"""What became of a ladder is kept once for each turn, and never overwritten."""

from datetime import UTC, datetime

from workflows.dunning import changes, tables

from .conftest import Office, Open

AT = datetime(2026, 3, 20, 9, tzinfo=UTC)
NAMED = {"customer_id": "501", "currency": "EUR"}


def turns(office: Office) -> list[tuple[str | None, str, str | None]]:
    """(name, state, reason)"""
    with office.flow.db.read() as connection:
        return [(row["name"], row["state"], row["reason"]) for row in changes.of_source(connection, "shop")]


def test_every_other_state_or_reason_is_kept_and_the_same_again_is_not(open_office: Open) -> None:
    office = open_office()
    put = lambda **said: office.flow.db.write(lambda c: tables.put_ladder(c, "shop", "A", at=AT, **NAMED, **said))  # noqa: E731

    put(state="open", reason=None, next_name="L1")
    put(state="resting", reason="disputed", next_name=None)
    put(state="resting", reason="disputed", next_name=None)
    put(state="open", reason=None, next_name="L2")
    put(state="closed", reason="paid", next_name=None)

    assert turns(office) == [("L1", "resting", "disputed"), ("L2", "open", None), ("L2", "closed", "paid")]


def test_what_the_ledger_tells_already_is_not_kept_twice(open_office: Open) -> None:
    office = open_office()

    office.flow.db.write(lambda c: tables.put_ladder(c, "shop", "A", at=AT, noted=False, reason="expired", **NAMED))

    assert turns(office) == []
