"""Effects against their log: the last row is the effect's state, its life is legal, its request is the one it began with.

One window of effects at a time, with all their log rows, slots and open questions, in one view of the database.
"""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database, table_of
from workers.desk import Parked
from workers.journal import JournalRow
from workers.ledger import OPEN, UNCALLED, EffectRow
from workers.prove import slots, vouched
from workers.prove.lives import NONE, Life, lives
from workers.prove.pages import Window, snapshot, windows
from workers.prove.report import LEDGER, Report
from workers.runs import UNFINISHED, RunRow

WINDOW = 2_000
_EFFECT, _RUN, _PARKED = (table_of(model) for model in (EffectRow, RunRow, Parked))


class Facts(NamedTuple):
    """What the effect's own row says.

    `request` is its stored text; `run` is its run's status, None where there is no such run; `journaled`: its step's entry in the
    journal tells of it and of its state, None where there is none or where the step was let plan anew.
    """

    id: str
    state: str
    service: str
    request: str
    request_hash: str
    calls: int
    answered: bool
    run: str | None
    amount: str
    approved_by: str | None
    approved_for: str | None
    journaled: bool | None


_OWN = len(Facts._fields)


def check(database: Database, report: Report, *, part: int = 0, of: int = 1) -> None:
    """Look at every effect and every slot, or at one of several parts of them: two processes share them so."""
    for window in islice(windows(database, _EFFECT.c.id, WINDOW), part, None, of):
        with snapshot(database) as connection:
            rows = connection.execute(_facts(window, database.dialect)).all()
            facts = [Facts._make(row[:_OWN]) for row in rows]
            told = lives(connection, window)
            asked = asked_about(connection, [one.id for one in facts if one.state == "unknown"])
            taken = slots.check(connection, report, window, {one.id: one.state for one in facts})
        report.counted("effects", len(facts))
        for one, row in zip(facts, rows, strict=True):
            life = told.pop(one.id, NONE)
            found = vouched.judge(life, row[_OWN:], taken.get(one.id, ()))
            for invariant, what in chain(judge(one, life, one.id in asked, one.id in taken), found):
                report.add(invariant, f"effect:{one.id}", what)
        for id in told:
            report.add(LEDGER, f"effect:{id}", "the log tells of it, but there is no such effect")


def asked_about(connection: Connection, effect_ids: Sequence[str]) -> set[str]:
    """Those of these effects that stand before a person, in an open item."""
    subjects = {f"effect:{id}": id for id in effect_ids}
    open_ones = sa.select(_PARKED.c.subject).where(_PARKED.c.subject.in_(list(subjects)), _PARKED.c.closed_at.is_(None))
    return {subjects[subject] for subject in connection.execute(open_ones).scalars()} if subjects else set()


def _facts(window: Window, dialect: str) -> sa.Select[Any]:
    """The columns of Facts and those vouched for, of every effect of the window."""
    entry, request = table_of(JournalRow), sa.type_coerce(_EFFECT.c.request, sa.Text)
    answered = sa.or_(_EFFECT.c.reply.isnot(None), _EFFECT.c.reference.isnot(None))
    own = (_EFFECT.c.id, _EFFECT.c.state, _EFFECT.c.service, request, _EFFECT.c.request_hash, _EFFECT.c.calls, answered, _RUN.c.status)
    amount = sa.func.coalesce(sa.type_coerce(_EFFECT.c.amount, sa.Text), "None")
    bound = (amount, _EFFECT.c.approved_by, _EFFECT.c.approved_for, _tells(entry.c.result, dialect))
    joined = (
        sa.select(*own, *bound, *vouched.columns(dialect))
        .select_from(_EFFECT)
        .join(_RUN, _RUN.c.id == _EFFECT.c.run_id, isouter=True)
        .join(entry, sa.and_(entry.c.run_id == _EFFECT.c.run_id, entry.c.name == _EFFECT.c.step), isouter=True)
    )
    return joined.where(window.of(_EFFECT.c.id))


def _tells(result: Any, dialect: str) -> Any:
    """Whether a journaled result, as canonical text, is that of the effect and of its state."""
    text, place = sa.type_coerce(result, sa.Text), sa.func.instr if dialect == "sqlite" else sa.func.strpos
    named = (sa.literal(f'"{key}":"') + column + '"' for key, column in (("effect", _EFFECT.c.id), ("state", _EFFECT.c.state)))
    return sa.and_(*(place(text, one) > 0 for one in named))


def judge(one: Facts, life: Life, asked: bool, holds: bool) -> Iterator[tuple[int, str]]:
    """(invariant, what is wrong) of each fault of one effect. `asked`: a person was asked whether it happened; `holds`: it has a slot."""
    if hashlib.sha256(f"{one.service}\n{one.request}".encode()).hexdigest() != one.request_hash:
        yield 7, "its request is not the one its hash was made of"
    if one.approved_for and one.approved_for != hashlib.sha256(f"{one.request_hash}\n{one.amount}".encode()).hexdigest():
        yield 7, "a person's yes is for another request or amount"
    if one.approved_for and not one.approved_by:
        yield 7, "it counts as approved, but nobody said yes"
    if not holds:
        yield 7, "it holds no slot"
    if life.last is None:
        yield LEDGER, f"it is {one.state}, but the log has no row of it"
    else:
        yield from _against_log(one, life)
    if one.answered and not one.calls:
        yield 8, "it keeps a provider's answer, but was never calling"
    if one.state == "done" and one.run in ("done", "skipped") and not one.journaled:
        yield 4, f"it is done, and its run over ({one.run}), but the run's journal does not tell of it"
    if one.run not in UNFINISHED:
        yield from _without_run(one, asked)


def _against_log(one: Facts, life: Life) -> Iterator[tuple[int, str]]:
    if life.last != one.state:
        yield LEDGER, f"it is {one.state}, but its last row says {life.last}"
    if life.births != 1:
        yield LEDGER, f"it begins {life.births} times in the log"
    if not life.one_request or life.request_hash != one.request_hash:
        yield 7, "its request's hash is not the one in the log"
    if life.calls != one.calls:
        yield 8, f"it counts {one.calls} calls, the log {life.calls}"


def _without_run(one: Facts, asked: bool) -> Iterator[tuple[int, str]]:
    if one.run is None:
        yield 11, "its run does not exist"
    elif one.state in UNCALLED:
        yield 10, f"it is {one.state}, but its run is over ({one.run})"
    elif one.state in OPEN and not asked:
        yield 11, f"it is {one.state}, its run is over ({one.run}), and no person was asked"
