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
from workers.chain import EffectLog
from workers.desk import Parked
from workers.journal import JournalRow
from workers.ledger import OPEN, UNCALLED, EffectRow
from workers.prove import slots, vouched
from workers.prove.pages import Window, snapshot, windows
from workers.prove.report import LEDGER, Report
from workers.prove.vouched import Vouched
from workers.runs import UNFINISHED, RunRow

WINDOW = 2_000
_EFFECT, _LOG, _RUN, _PARKED = (table_of(model) for model in (EffectRow, EffectLog, RunRow, Parked))


class Facts(NamedTuple):
    """What the effect's own row says, and its log beside it.

    `request` is its stored text; `run` is its run's status, None where there is no such run; `last` is the state its last row names,
    None where it has no row; `births` counts first rows; `same_request`: every row has the request's hash; `journaled`: its step's entry
    in the journal tells of it and of its state, None where there is none or where the step was let plan anew.
    """

    id: str
    state: str
    service: str
    request: str
    request_hash: str
    calls: int
    answered: bool
    run: str | None
    last: str | None
    logged_calls: int
    births: int
    same_request: bool
    amount: str
    approved_by: str | None
    approved_for: str | None
    journaled: bool | None


_OWN = len(Facts._fields)
_VOUCHED = _OWN + len(Vouched._fields)


def check(database: Database, report: Report, *, part: int = 0, of: int = 1) -> None:
    """Look at every effect and every slot, or at one of several parts of them: two processes share them so."""
    for window in islice(windows(database, _EFFECT.c.id, WINDOW), part, None, of):
        with snapshot(database) as connection:
            rows = connection.execute(_facts(window, database.dialect)).all()
            facts = [Facts._make(row[:_OWN]) for row in rows]
            asked = asked_about(connection, [one.id for one in facts if one.state == "unknown"])
            for id in connection.execute(_orphans(window)).scalars():
                report.add(LEDGER, f"effect:{id}", "the log tells of it, but there is no such effect")
            taken = slots.check(connection, report, window, {one.id: one.state for one in facts})
        report.counted("effects", len(facts))
        for one, row in zip(facts, rows, strict=True):
            found = vouched.judge(Vouched(*row[_OWN:_VOUCHED]), row[_VOUCHED:], taken.get(one.id, ()))
            for invariant, what in chain(judge(one, one.id in asked, one.id in taken), found):
                report.add(invariant, f"effect:{one.id}", what)


def asked_about(connection: Connection, effect_ids: Sequence[str]) -> set[str]:
    """Those of these effects that stand before a person, in an open item."""
    subjects = {f"effect:{id}": id for id in effect_ids}
    open_ones = sa.select(_PARKED.c.subject).where(_PARKED.c.subject.in_(list(subjects)), _PARKED.c.closed_at.is_(None))
    return {subjects[subject] for subject in connection.execute(open_ones).scalars()} if subjects else set()


def _facts(window: Window, dialect: str) -> sa.Select[Any]:
    """The columns of Facts, of Vouched, and those vouched for, of every effect of the window."""
    logged, plan, call, entry = _logged(window), _LOG.alias("plan"), _LOG.alias("call"), table_of(JournalRow)
    last = sa.func.coalesce(sa.case((call.c.seq > plan.c.seq, call.c.after)), plan.c.after, call.c.after)
    answered = sa.or_(_EFFECT.c.reply.isnot(None), _EFFECT.c.reference.isnot(None))
    request = sa.type_coerce(_EFFECT.c.request, sa.Text)
    own = (_EFFECT.c.id, _EFFECT.c.state, _EFFECT.c.service, request, _EFFECT.c.request_hash, _EFFECT.c.calls, answered)
    bound = (
        sa.func.coalesce(sa.type_coerce(_EFFECT.c.amount, sa.Text), "None"),
        _EFFECT.c.approved_by,
        _EFFECT.c.approved_for,
        _tells(entry.c.result, dialect),
    )
    same = sa.and_(logged.c.lowest == _EFFECT.c.request_hash, logged.c.highest == _EFFECT.c.request_hash)
    joined = (
        sa.select(*own, _RUN.c.status, last, logged.c.calls, logged.c.births, same, *bound)
        .add_columns(plan.c.seq, plan.c.facts, call.c.seq, call.c.facts, *vouched.columns(dialect))
        .select_from(_EFFECT)
        .join(_RUN, _RUN.c.id == _EFFECT.c.run_id, isouter=True)
        .join(logged, logged.c.effect_id == _EFFECT.c.id, isouter=True)
        .join(entry, sa.and_(entry.c.run_id == _EFFECT.c.run_id, entry.c.name == _EFFECT.c.step), isouter=True)
        .join(plan, plan.c.seq == logged.c.plan_seq, isouter=True)
        .join(call, call.c.seq == logged.c.call_seq, isouter=True)
    )
    return joined.where(window.of(_EFFECT.c.id))


def _tells(result: Any, dialect: str) -> Any:
    """Whether a journaled result, as canonical text, is that of the effect and of its state."""
    text, place = sa.type_coerce(result, sa.Text), sa.func.instr if dialect == "sqlite" else sa.func.strpos
    named = (sa.literal(f'"{key}":"') + column + '"' for key, column in (("effect", _EFFECT.c.id), ("state", _EFFECT.c.state)))
    return sa.and_(*(place(text, one) > 0 for one in named))


def _logged(window: Window) -> sa.Subquery:
    """What the log has of each effect of the window."""
    plans = sa.or_(_LOG.c.before == "", _LOG.c.after == "approved")
    seen = (
        sa.func.max(sa.case((plans, _LOG.c.seq))).label("plan_seq"),
        sa.func.max(sa.case((plans, None), else_=_LOG.c.seq)).label("call_seq"),
        sa.func.sum(sa.case((_LOG.c.after == "calling", 1), else_=0)).label("calls"),
        sa.func.sum(sa.case((_LOG.c.before == "", 1), else_=0)).label("births"),
        sa.func.min(_LOG.c.request_hash).label("lowest"),
        sa.func.max(_LOG.c.request_hash).label("highest"),
    )
    return sa.select(_LOG.c.effect_id, *seen).where(window.of(_LOG.c.effect_id)).group_by(_LOG.c.effect_id).subquery()


def _orphans(window: Window) -> sa.Select[Any]:
    """Effects the log tells of, and that are not there."""
    named = sa.select(_LOG.c.effect_id).where(window.of(_LOG.c.effect_id)).distinct().subquery()
    return sa.select(named.c.effect_id).where(sa.not_(sa.exists().where(_EFFECT.c.id == named.c.effect_id)))


def judge(one: Facts, asked: bool, holds: bool) -> Iterator[tuple[int, str]]:
    """(invariant, what is wrong) of each fault of one effect. `asked`: a person was asked whether it happened; `holds`: it has a slot."""
    if hashlib.sha256(f"{one.service}\n{one.request}".encode()).hexdigest() != one.request_hash:
        yield 7, "its request is not the one its hash was made of"
    if one.approved_for and one.approved_for != hashlib.sha256(f"{one.request_hash}\n{one.amount}".encode()).hexdigest():
        yield 7, "a person's yes is for another request or amount"
    if one.approved_for and not one.approved_by:
        yield 7, "it counts as approved, but nobody said yes"
    if not holds:
        yield 7, "it holds no slot"
    if one.last is None:
        yield LEDGER, f"it is {one.state}, but the log has no row of it"
    elif one.last != one.state or one.births != 1 or not one.same_request or one.logged_calls != one.calls:
        yield from _against_log(one)
    if one.answered and not one.calls:
        yield 8, "it keeps a provider's answer, but was never calling"
    if one.state == "done" and one.run in ("done", "skipped") and not one.journaled:
        yield 4, f"it is done, and its run over ({one.run}), but the run's journal does not tell of it"
    if one.run not in UNFINISHED:
        yield from _without_run(one, asked)


def _against_log(one: Facts) -> Iterator[tuple[int, str]]:
    if one.last != one.state:
        yield LEDGER, f"it is {one.state}, but its last row says {one.last}"
    if one.births != 1:
        yield LEDGER, f"it begins {one.births} times in the log"
    if not one.same_request:
        yield 7, "its request's hash is not the one in the log"
    if one.logged_calls != one.calls:
        yield 8, f"it counts {one.calls} calls, the log {one.logged_calls}"


def _without_run(one: Facts, asked: bool) -> Iterator[tuple[int, str]]:
    if one.run is None:
        yield 11, "its run does not exist"
    elif one.state in UNCALLED:
        yield 10, f"it is {one.state}, but its run is over ({one.run})"
    elif one.state in OPEN and not asked:
        yield 11, f"it is {one.state}, its run is over ({one.run}), and no person was asked"
