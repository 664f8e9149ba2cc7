"""The chain: that every row follows from the one before, each effect's rows are a life it may have, and every head outside is there.

Pure where it follows rows; `check` brings it the rows of a database, workers/prove/ledgerfile.py those of a file.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database, table_of
from workers import chain
from workers.chain import GENESIS, Content, Head, Link, row_hash
from workers.ledger import EDGES
from workers.prove.history import History
from workers.prove.pages import snapshot
from workers.prove.report import LEDGER, Report

PAGE = 5_000
FIRST = -(2**63)


@dataclass
class Follower:
    """Follows the log row by row. `heads`: what was acted on, by row; a row is compared when it passes."""

    report: Report
    heads: dict[int, set[str]] = field(default_factory=dict)
    seq: int = 0
    hash: str = GENESIS
    rows: int = 0
    lives: dict[str, History] = field(default_factory=dict)

    def take(self, link: Link) -> None:
        """Check that the row is in its place, its own, and a step its effect may take; what is wrong is reported."""
        row = link.row
        self.rows += 1
        fits = row.seq == self.seq + 1 and link.previous == self.hash and row_hash(link.previous, row) == link.hash
        if not fits:
            self._explain(link)
        if row.seq > self.seq:
            self.seq, self.hash = row.seq, link.hash
            self._live(row)
        if row.seq in self.heads:
            self._compare(row.seq, link.hash)

    def end(self) -> None:
        """Report every head no row has answered for."""
        for seq in sorted(self.heads):
            ends = f"the log ends at row {self.seq}" if seq > self.seq else "the log has no such row"
            self._add(seq, f"it was acted on, but {ends}")
        self.report.counted("log rows", self.rows)

    def lost(self, seq: int, what: str) -> None:
        """Report a row that cannot even be read."""
        self._add(seq, what)

    def _explain(self, link: Link) -> None:
        seq = link.row.seq
        if seq == self.seq:
            self._add(seq, "it stands there twice")
        elif seq < self.seq:
            self._add(seq, f"it comes after row {self.seq}: out of order, or there twice")
        elif seq > self.seq + 1:
            missing = range(self.seq + 1, seq)
            self._add(missing[0], "it is missing" if len(missing) == 1 else f"it and all rows up to {missing[-1]} are missing")
        elif link.previous != self.hash:
            self._add(seq, "it does not follow from the row before")
        if row_hash(link.previous, link.row) != link.hash:
            self._add(seq, "its content is not what its hash was made of")

    def _live(self, row: Content) -> None:
        """What has ended is forgotten, so that a long log needs little memory."""
        life = self.lives.get(row.effect_id)
        if life is None:
            life = self.lives[row.effect_id] = History()
        for invariant, what in life.take(row.before, row.after, row.reason, row.request_hash):
            self.report.add(invariant, f"effect:{row.effect_id}", f"row {row.seq}: {what}", seq=row.seq)
        if row.after not in EDGES:
            del self.lives[row.effect_id]

    def _compare(self, seq: int, hash: str) -> None:
        if self.heads.pop(seq) != {hash}:
            self._add(seq, "another row was acted on than the one the log has")

    def _add(self, seq: int, what: str) -> None:
        self.report.add(LEDGER, f"row {seq}", what, seq=seq)


def expected(heads: Collection[Head]) -> dict[int, set[str]]:
    """The heads as a Follower takes them."""
    found: dict[int, set[str]] = {}
    for head in heads:
        found.setdefault(head.seq, set()).add(head.hash)
    return found


def check(database: Database, report: Report, heads_in: Path | None, keep: Callable[[Link], object] = lambda link: None) -> Head:
    """Follow the whole log of a database; its last row. `keep` gets every row, good or not.

    The heads are read first, so that what is acted on meanwhile is in the log when it is reached.
    """
    known = [] if heads_in is None else chain.heads_outside(heads_in)
    with database.read() as connection:
        accepted = chain.accepted_heads(connection)
    follower = Follower(report, expected([head for head in known if head not in accepted]))
    inside = _follow(database, follower, keep)
    follower.end()
    _compare_inside(report, follower, inside)
    with database.read() as connection:
        _note_head(report, heads_in, known, None if heads_in is None else chain.behind(connection, heads_in), follower.seq)
    return Head(follower.seq, follower.hash)


def _follow(database: Database, follower: Follower, keep: Callable[[Link], object]) -> Head:
    """Take every row; the last one the database's own row of order names, as of the last page."""
    after, inside = FIRST, None
    while inside is None:
        with snapshot(database) as connection:
            try:
                page: list[Link | int] = list(chain.links(connection, after=after, limit=PAGE))
            except sa.exc.DatabaseError:
                page = list(_one_by_one(connection, after))
            inside = chain.inside_head(connection) if len(page) < PAGE else None
        for link in page:
            if isinstance(link, int):
                follower.lost(link, "it cannot be read")
                continue
            follower.take(link)
            keep(link)
        if page:
            after = page[-1] if isinstance(page[-1], int) else page[-1].row.seq
    return inside


def _one_by_one(connection: Connection, after: int) -> Iterator[Link | int]:
    """A page in which something is not text any more: its rows, and the numbers of those that cannot be read."""
    log = table_of(chain.EffectLog)
    for seq in connection.execute(sa.select(log.c.seq).where(log.c.seq > after).order_by(log.c.seq).limit(PAGE)).scalars().all():
        try:
            yield from chain.links(connection, after=seq - 1, limit=1)
        except sa.exc.DatabaseError:
            yield int(seq)


def _compare_inside(report: Report, follower: Follower, inside: Head) -> None:
    """The database's own row of order names the last row too."""
    if inside.seq > follower.seq:
        report.add(LEDGER, f"row {inside.seq}", f"it was written, but the log ends at row {follower.seq}", seq=inside.seq)
    elif inside != Head(follower.seq, follower.hash):
        report.add(LEDGER, f"row {follower.seq}", f"the last row written was row {inside.seq}, another one", seq=follower.seq)


def _note_head(report: Report, heads_in: Path | None, known: Sequence[Head], behind: str | None, last: int) -> None:
    """Say what the log was compared with; calls beside no head at all are a finding, as they are at a worker's start."""
    if heads_in is None or not heads_in.is_dir():
        report.notes[LEDGER] = "no head was compared: run it where the workers' ledger_head_dir is, or name it with --head"
    elif not known and behind:
        report.add(LEDGER, "head", behind)
    else:
        report.notes[LEDGER] = f"compared with {len(known)} heads kept outside; {said_behind(known, last)}"


def said_behind(heads: Collection[Head], last: int) -> str:
    """How many rows at the end of the log no head outside vouches for. `last` is the last row's number."""
    rows = max(0, last - max((head.seq for head in heads), default=0))
    if not rows:
        return "no row lies behind the newest"
    return f"{rows} {'row lies' if rows == 1 else 'rows lie'} behind the newest: for them only the database's own order vouches"
