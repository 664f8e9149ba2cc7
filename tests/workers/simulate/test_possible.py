"""What cannot be is refused when the file is loaded: with its table, its field, its line, and what to do instead."""

import pytest

from receiver.errors import SettingsInvalid
from tests.workers.simulate.conftest import HEAD, OBJECTS, Read

FAR = "date = 2026-11-25"
LATER = HEAD.replace("until = 2026-11-20", "until = 2026-11-30") + OBJECTS
DRAFT = OBJECTS + 'type = "draft"\n'
TOMORROW = OBJECTS.replace("date = 2026-11-20", "date = 2026-11-21")


def at(said: str, *, on: str = "2026-11-20T09:00:00") -> str:
    return f"[[happens]]\nat = {on}\n{said}\n"


def about(what: str, *fields: str, on: str = "2026-11-20T09:00:00") -> str:
    return at("\n".join([f'what = "{what}"', 'invoice = "A"', *fields]), on=on)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (LATER.replace("date = 2026-11-20", FAR) + about("payment"), 'happens 1, at: invoice "A" comes to be at 2026-11-25'),
        (LATER.replace("date = 2026-11-20", FAR) + about("dispute"), "or give the invoice an earlier date; correct it in line 16"),
        (LATER + "sent = 2026-11-19\n", "invoice 1, sent: it lies before the invoice's date"),
        (HEAD + TOMORROW, "invoice 1, date: it lies after until (2026-11-20)"),
        (HEAD + OBJECTS + 'fields = { TOTAL = "much" }\n', 'invoice 1, fields: TOTAL: an amount in quotes is wanted'),
        (HEAD + OBJECTS + 'fields = { tax_id = "1" }\n', "invoice 1, fields: tax_id: write TAX_ID, the provider's own name"),
        (HEAD + OBJECTS.replace('delivery_method = "mail"', 'fields = { vat_id = "1" }'), "customer 1, fields: vat_id: write VAT_ID"),
        (LATER + about("payment", 'amount = "119.01"'), 'happens 1, amount: only 119.00 of invoice "A" are open then'),
        (LATER + about("payment", 'amount = "0.00"'), "happens 1, amount: an amount above zero is wanted"),
        (LATER + about("payment", 'amount = "100.00"') + about("cancel", 'amount = "20.00"'), "happens 2, amount: only 19.00 of"),
        (LATER + about("payment") + about("payment"), 'happens 2, what: nothing of invoice "A" is open then'),
        (LATER + about("cancel", 'amount = "19.00"') + about("payment_returned") + about("payment", 'amount = "110"'), "only 100.00 of"),
        (LATER + about("cancel") + about("payment"), 'happens 2, what: invoice "A" was cancelled before'),
        (LATER + about("complete"), 'happens 1, what: invoice "A" is no draft: write type = "draft" in its table'),
        (HEAD + DRAFT + about("complete") + about("complete"), 'happens 2, what: invoice "A" was completed before'),
        (HEAD + DRAFT + about("payment") + about("complete", on="2026-11-20T10:00:00"), 'happens 1, at: invoice "A" is a draft until'),
        (LATER + about("dispute", 'amount = "120.00"'), 'happens 1, amount: it is more than the 119.00 of invoice "A"'),
        (LATER + about("release"), "happens 1, what: no dispute was noted before"),
        (LATER + about("dispute") + about("release", 'kind = "pause"'), "happens 2, what: no pause was noted before"),
        (LATER + about("promise", "date = 2026-11-19"), "happens 1, date: it lies before `at` (2026-11-20)"),
        (LATER + about("pause", "until = 2026-11-19T12:00:00"), "happens 1, until: it lies before `at`"),
        (LATER + about("mark_sent", "on = 2026-11-21"), "happens 1, on: it lies after `at` (2026-11-20): nobody can tell yet"),
        (LATER + about("mark_sent", "on = 2026-11-19"), "happens 1, on: it lies before the invoice's date (2026-11-20)"),
        (LATER + about("change", 'fields = { totl = "1.00" }'), "happens 1, fields: there is no such field of invoices, do you mean total"),
        (LATER + about("change", 'fields = { total = "much" }'), "happens 1, fields: TOTAL: an amount in quotes is wanted"),
        (LATER + about("change", "fields = { x_attributes = { a = 1 } }"), "only a customer's x_attributes are a table"),
        (LATER + at('what = "change"\ncustomer = "501"\nfields = { total = "1" }'), "there is no such field of customers"),
        (LATER + at('what = "change"\ncustomer = "501"\nfields = {}'), "happens 1, fields: nothing changes: name at least one field"),
        (LATER + at('what = "change"\ncustomer = "501"\nfields = { x_attributes = {} }'), "only a customer's x_attributes are a table"),
        (LATER + at('what = "delete"\ncustomer = "501"') * 2, "happens 2, customer: it was deleted before"),
        (LATER + at('what = "usage"\ncustomer = "502"\namount = "1"'), "happens 1, customer: there is no such customer, do you mean 501"),
        (LATER + at('what = "signal"\nevent = "credits.resume"\nfields = { customer_id = "5" }'), "customer_id: there is no such customer"),
        (LATER + at('what = "mode"\nworkflow = "dunning"\nto = "auto"'), "it takes no part here: write a table [policy.dunning]"),
        (LATER + at('what = "provider"\nmode = "down"\nservice = "invoice.send"'), "service: there is no such service, do you mean"),
        (LATER + about("payment", on="2026-12-01T09:00:00"), "happens 1, at: it must lie between start"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_place_and_what_to_do(read: Read, text: str, told: str) -> None:
    with pytest.raises(SettingsInvalid) as error:
        read(text)

    assert told in str(error.value).replace(" cannot be used: ", ": ")


@pytest.mark.parametrize(
    "text",
    [
        TOMORROW + about("payment", on="2026-11-21T08:00:00"),
        DRAFT + about("complete") + about("payment", on="2026-11-20T10:00:00"),
        DRAFT + about("payment"),
        OBJECTS + about("payment") + about("payment_returned") + about("payment", 'amount = "119.00"'),
        OBJECTS + about("change", 'fields = { total = "200.00" }') + about("payment", 'amount = "150.00"'),
        OBJECTS + about("payment", on="2026-11-20T10:00:00") + about("cancel", 'amount = "19.00"', on="2026-11-20T09:00:00"),
        OBJECTS + at('what = "signal"\nevent = "block.dispute"\nfields = { customer_id = "501", reason = "x" }') + about("release"),
        OBJECTS + about("cancel", on="2026-11-20T12:00:00") + about("payment", on="2026-11-20T10:00:00"),
        OBJECTS + at('what = "mode"\nworkflow = "auto-send-sweep"\nto = "auto"'),
        OBJECTS.replace('"A"', '"A"\nfields = { _EINVOICE = "1" }'),
    ],
)
def test_what_may_come_about_is_taken(read: Read, text: str) -> None:
    assert read(HEAD.replace("until = 2026-11-20", "until = 2026-11-30") + text).invoice[0].id == "A"


def test_every_happening_that_cannot_be_is_told_at_once(read: Read) -> None:
    with pytest.raises(SettingsInvalid) as error:
        read(LATER + about("complete") + about("payment") + about("payment"))

    assert [part in str(error.value) for part in ("happens 1, what", "happens 2", "happens 3, what")] == [True, False, True]
