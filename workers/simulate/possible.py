"""What of a story cannot be: names nobody has, times outside it, invoices that are not there yet, money that is not open.

Walks through the happenings in the order of their instants and keeps of each invoice what the file itself says of it. What workflows do
in between is not known here: a happening is refused only where none of them could make sense of it. Called by workers/simulate/play.py.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from receiver.mistakes import unknown
from workers.providers import mail
from workers.sandbox.acts import amount_problem, field_problem
from workers.sandbox.services import SERVICES
from workers.simulate.scenario import Customer, Happening, Head, Invoice, Where

Wrong = tuple[Where, str, str]
MONEY = ("total", "outstanding", "outstanding_amount", "is_canceled", "type")  # a change of these: what is open is not known any more
BLOCKS = ("dispute", "promise", "pause", "exclude", "insolvency")


@dataclass(slots=True)
class Book:
    """One invoice as the story has it so far.

    `left`: so much is open at most; None where the file does not say. `cut`: what of it is cancelled.
    """

    since: datetime
    draft: bool
    left: Decimal | None
    canceled: bool = False
    cut: Decimal = Decimal(0)


def impossible(
    head: Head, customers: Sequence[Customer], invoices: Sequence[Invoice], happens: Sequence[Happening], *, taking_part: Collection[str]
) -> Iterator[Wrong]:
    """(table and its number, field, why and what to do) of everything that cannot be."""
    yield from _objects(head, customers, invoices)
    if head.until <= head.start:
        yield ("", None), "until", "it must lie after start"
    books = {one.id: _book(head, one) for one in invoices}
    said = {one.id: one for one in invoices}
    ids = {"customer": [one.id for one in customers], "invoice": list(said)}
    past: list[Happening] = []
    for place, one in sorted(enumerate(happens, start=1), key=lambda numbered: numbered[1].at):
        found = [*_alone(head, one, ids, taking_part)]
        if not found and one.invoice is not None:
            found += _of_invoice(one, said[one.invoice], books[one.invoice], [later for later in happens if later.at > one.at])
        found += _of_block(one, past)
        if one.customer is not None and any((other.what, other.customer) == ("delete", one.customer) for other in past):
            found.append(("customer", "it was deleted before: leave this out, or let it happen earlier"))
        yield from ((("happens", place), field, why) for field, why in found)
        past.append(one)


def _objects(head: Head, customers: Sequence[Customer], invoices: Sequence[Invoice]) -> Iterator[Wrong]:
    """Customers and invoices that contradict each other, or themselves."""
    known = [one.id for one in customers]
    for table, ids in (("customer", known), ("invoice", [one.id for one in invoices])):
        for place, id in enumerate(ids, start=1):
            if id in ids[: place - 1]:
                yield (table, place), "id", "another one has this id already"
    yield from _fields("customer", [one.fields for one in customers])
    yield from _fields("invoice", [one.fields for one in invoices])
    for place, invoice in enumerate(invoices, start=1):
        if invoice.customer not in known:
            yield ("invoice", place), "customer", unknown(invoice.customer, known, "customer")
        if invoice.due is not None and invoice.due < invoice.date:
            yield ("invoice", place), "due", "it lies before the invoice's date"
        if invoice.sent is not None and invoice.sent < invoice.date and invoice.type != "draft":
            yield ("invoice", place), "sent", "it lies before the invoice's date, and nothing is sent that is not there"
        if invoice.date > head.until.date() and invoice.type != "draft":
            yield ("invoice", place), "date", f"it lies after until ({head.until.date()}): the invoice would never come to be"


def _fields(table: str, written: Sequence[Mapping[str, str]]) -> Iterator[Wrong]:
    """Fields by the provider's own names that no record has like that."""
    for place, fields in enumerate(written, start=1):
        for name, value in fields.items():
            if why := amount_problem(name, value) if name.isupper() else f"{name}: write {name.upper()}, the provider's own name":
                yield (table, place), "fields", why


def _book(head: Head, said: Invoice) -> Book:
    """An invoice at the start. Drafts are there from the start; a later invoice comes to be at the hour at which the story begins."""
    day = head.start.date() if said.type == "draft" else max(said.date, head.start.date())
    return Book(since=datetime.combine(day, head.start.time()), draft=said.type == "draft", left=said.total)


def _alone(head: Head, one: Happening, ids: dict[str, list[str]], taking_part: Collection[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with a happening whatever came before it."""
    if not head.start <= one.at <= head.until:
        yield "at", f"it must lie between start ({head.start}) and until ({head.until})"
    for table, known in ids.items():
        if (id := getattr(one, table)) is not None and id not in known:
            yield table, unknown(id, known, table)
    if one.what == "signal" and (id := (one.fields or {}).get("customer_id")) is not None and str(id) not in ids["customer"]:
        yield "fields", f"customer_id: {unknown(str(id), ids['customer'], 'customer')}"
    if one.workflow is not None and one.workflow not in taking_part:
        yield "workflow", f"it takes no part here: write a table [policy.{one.workflow}], or name one of {', '.join(sorted(taking_part))}"
    if one.amount is not None and one.amount <= 0:
        yield "amount", "an amount above zero is wanted"
    offered = sorted([*mail.SERVICES, *(name for name, (_, kinds) in SERVICES.items() if head.kind in kinds)])
    if one.service is not None and one.service not in offered:
        yield "service", unknown(one.service, offered, "service")
    if one.what == "change":
        yield from _changed(one)
    yield from _days(one)


def _changed(one: Happening) -> Iterator[tuple[str, str]]:
    if not one.fields:
        yield "fields", "nothing changes: name at least one field"
    kind = "customer" if one.invoice is None else "invoice"
    for name, value in (one.fields or {}).items():
        if why := field_problem(kind, name, value):
            yield "fields", why


def _days(one: Happening) -> Iterator[tuple[str, str]]:
    """Days that a person names: of what is promised or paused they are still to come, of what was done they are not."""
    today = one.at.date()
    for field, day in (("date", one.date), ("until", one.until)):
        if day is not None and (day.date() if isinstance(day, datetime) else day) < today:
            yield field, f"it lies before `at` ({today}): what is promised or held lies ahead"
    if one.on is not None and one.on > today:
        yield "on", f"it lies after `at` ({today}): nobody can tell yet"


def _of_invoice(one: Happening, said: Invoice, book: Book, later: Sequence[Happening]) -> Iterator[tuple[str, str]]:
    """What is wrong with a happening about an invoice, after what came before; the book is carried on."""
    if one.at < book.since:
        yield "at", f'invoice "{said.id}" comes to be at {book.since}: let this happen later, or give the invoice an earlier date'
        return
    if one.on is not None and one.on < said.date and one.what == "mark_sent":
        yield "on", f"it lies before the invoice's date ({said.date})"
    if one.what in BLOCKS and one.amount is not None and one.amount > said.total:
        yield "amount", f'it is more than the {said.total} of invoice "{said.id}"'
    if one.what == "complete":
        yield from _completed(said, book)
    elif one.what in ("payment", "cancel"):
        yield from _paid(one, said, book, later)
    elif one.what == "payment_returned":
        book.left = None if book.left is None else said.total - book.cut
    elif one.what == "change" and any(str(name).lower() in MONEY for name in one.fields or {}):
        book.left = None


def _completed(said: Invoice, book: Book) -> Iterator[tuple[str, str]]:
    if not book.draft:
        why = "was completed before" if said.type == "draft" else 'is no draft: write type = "draft" in its table'
        yield "what", f'invoice "{said.id}" {why}, or leave this out'
    book.draft = False


def _paid(one: Happening, said: Invoice, book: Book, later: Sequence[Happening]) -> Iterator[tuple[str, str]]:
    """Money that comes in, or a part that is cancelled; without an amount all that is left."""
    if book.canceled:
        yield "what", f'invoice "{said.id}" was cancelled before: leave this out, or let it happen earlier'
        return
    if book.draft and any((other.what, other.invoice) == ("complete", said.id) for other in later):
        yield "at", f'invoice "{said.id}" is a draft until it is completed: let this happen after that'
    if one.what == "cancel" and one.amount is None:
        book.canceled = True
        return
    if book.left is None:
        return
    if book.left == 0:
        yield "what", f'nothing of invoice "{said.id}" is open then: leave this out, or pay less before'
    elif one.amount is not None and one.amount > book.left:
        yield "amount", f'only {book.left} of invoice "{said.id}" are open then: write that or less'
    book.cut += one.amount or Decimal(0) if one.what == "cancel" else Decimal(0)
    book.left = max(book.left - (book.left if one.amount is None else one.amount), Decimal(0))


def _of_block(one: Happening, past: Sequence[Happening]) -> Iterator[tuple[str, str]]:
    """A release of what nobody noted. Signals may have noted anything."""
    kind = one.kind or "dispute"
    if one.what == "release" and kind in BLOCKS and not any(other.what in (kind, "signal") for other in past):
        yield "what", f"no {kind} was noted before: let a happening {kind} come first, or name another kind"
