"""The words of the picture: what, when, to whom, how the sum comes about, and what needs no words of its own."""

from datetime import date

from workers.simulate.cards import card_of, written_day
from workers.simulate.timeline import Row

L2 = {
    "principal": "1190.00", "interest": "4.69", "flat": "40.00", "fee": "0.00", "total": "1234.69", "amount": "1234.69", "per_day": "0.33",
    "deadline": "2026-05-04", "currency": "EUR", "default_from": "2026-04-08", "basis": "first_formal_notice", "to": "ap@example.org",
}  # fmt: skip


def row(kind: str = "effect", name: str = "L2", state: str = "done", reason: str = "", on: str = "2026-04-21", **figures: str) -> Row:
    return Row(at=f"{on}T09:00:00", workflow="dunning", key="A", kind=kind, name=name, state=state, reason=reason, figures=figures)


def words(one: Row, *others: Row) -> tuple[str, ...] | None:
    card = card_of(one, [one, *others])
    return None if card is None else card.lines


def test_a_notice_says_to_whom_how_much_why_and_by_when() -> None:
    card = card_of(row(**L2), [])

    assert card is not None
    assert card.lines == (
        "L2  21 Apr, 09:00", "to ap@example.org", "1190.00 + 4.69 interest + 40.00 flat sum", "in default since 8 Apr, then 0.33 a day",
        "1234.69 EUR by 4 May",
    )  # fmt: skip
    assert (card.sum, card.deadline) == ("1234.69 EUR by 4 May", date(2026, 5, 4))


def test_one_of_several_invoices_names_the_sum_of_the_message() -> None:
    assert "in one message over 732.55 EUR" in (words(row(**{**L2, "amount": "732.55"})) or ())


def test_what_did_not_go_out_has_no_deadline_and_says_why() -> None:
    card = card_of(row(state="cancelled", reason="balance_changed", **L2), [])

    assert card is not None
    assert (card.deadline, card.lines[1]) == (None, "cancelled, balance changed")


def test_a_proposal_is_left_out_once_it_was_carried_out_the_same_day() -> None:
    proposal = row(kind="proposal", state="proposed", reason="dunning_approval", **L2)

    assert words(proposal, row(**L2)) is None
    assert words(proposal, row(on="2026-04-22", **L2)) is not None


def test_an_open_claim_is_left_out_beside_its_notice_and_a_waived_one_is_shown() -> None:
    claim = {"kind": "claim", "name": "flat", "amount": "40.00", "currency": "EUR"}

    assert words(row(state="open", **claim), row(**L2)) is None
    assert words(row(state="waived", **claim), row(**L2)) == ("flat  21 Apr, 09:00", "waived", "40.00 EUR")


def test_a_task_and_a_skip_are_left_out_where_a_proposal_or_a_turn_says_the_same() -> None:
    task = row(kind="alert", name="task", state="open", reason="hand_over_proposed")
    skip = row(kind="skip", state="cancelled", reason="paid")

    assert words(task, row(kind="proposal", name="hand_over", state="proposed", reason="hand_over_proposed")) is None
    assert words(skip, row(kind="state", name="ladder", state="closed", reason="paid")) is None
    assert words(skip, row(kind="state", name="ladder", state="closed", reason="invoice_cancelled")) is not None


def test_a_turn_to_open_is_left_out_where_something_goes_out_at_once() -> None:
    turn = row(kind="state", name="ladder", state="open")

    assert words(turn, row(**L2)) is None
    assert words(turn) == ("ladder  21 Apr, 09:00", "open")


def test_figures_without_words_of_their_own_are_named() -> None:
    assert words(row(name="customer.addcredits", balance="20.00")) == ("customer.addcredits  21 Apr, 09:00", "balance 20.00")


def test_a_day_is_written_as_it_is_read() -> None:
    assert (written_day(date(2026, 5, 4)), written_day(date(2026, 5, 4), year=True)) == ("4 May", "4 May 2026")
