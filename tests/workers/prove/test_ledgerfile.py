"""An exported ledger: whatever is done to it, be it to one byte or to the last row, is found and named without a database."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.db import canonical_json
from tests.workers.letters import mail, pay
from tests.workers.prove.stories import tell_much
from workers.chain import GENESIS, Content, Head, Link, row_hash
from workers.prove.chain import expected
from workers.prove.examine import examine
from workers.prove.ledgerfile import Export, verify
from workers.prove.report import Finding, Report
from workers.testing.flow import Flow


@cache
def exported() -> tuple[bytes, ...]:
    """The lines of a real ledger, each with its end."""
    with TemporaryDirectory() as place, Flow(mail, pay) as flow:
        tell_much(flow, flow.advance)
        examine(flow.db, None, Path(place) / "ledger")
        return tuple((Path(place) / "ledger").read_bytes().splitlines(keepends=True))


def rows() -> int:
    return len(exported()) - 2


def head() -> Head:
    """The last row, as a worker keeps it outside."""
    last = msgspec.json.decode(exported()[-2], type=Link)
    return Head(last.row.seq, last.hash)


def findings(lines: bytes, *heads: Head) -> list[Finding]:
    report = Report()
    verify(BytesIO(lines), report, expected(heads))
    return report.kept


def placed() -> st.SearchStrategy[int]:
    """A row's place among the lines; 1 is the first row, the last one is as likely as any other."""
    return st.one_of(st.just(rows()), st.integers(1, rows()))


def test_a_ledger_as_it_was_exported_is_whole() -> None:
    assert findings(b"".join(exported()), head()) == []
    assert rows() > 15


@given(data=st.data(), bit=st.integers(0, 7))
def test_one_flipped_bit_anywhere_is_found(data: st.DataObject, bit: int) -> None:
    lines = [bytearray(line) for line in exported()]
    line = data.draw(st.one_of(st.just(rows()), st.integers(0, rows() + 1)))
    byte = data.draw(st.integers(0, len(lines[line]) - 1))
    lines[line][byte] ^= 1 << bit

    found = findings(b"".join(lines))

    assert found
    assert not 1 <= line <= rows() or line in {one.seq for one in found}


@given(data=st.data())
def test_a_deleted_row_is_found_and_named(data: st.DataObject) -> None:
    gone = data.draw(placed())

    found = findings(b"".join(line for place, line in enumerate(exported()) if place != gone))

    assert gone in {one.seq for one in found}


@given(data=st.data())
def test_a_doubled_row_is_found_and_named(data: st.DataObject) -> None:
    doubled, to = data.draw(placed()), data.draw(placed())
    lines = list(exported())
    lines.insert(to + 1, lines[doubled])

    assert doubled in {one.seq for one in findings(b"".join(lines))}


@pytest.mark.parametrize(
    ("place", "what"),
    [(-2, "it stands behind the last line: it is there twice"), (-1, "a last line that names it follows the last line")],
)
def test_a_line_doubled_behind_the_last_line_names_its_row(place: int, what: str) -> None:
    lines = [*exported(), exported()[place]]

    assert [(one.subject, one.seq, one.what) for one in findings(b"".join(lines))] == [(f"row {rows()}", rows(), what)]


@given(data=st.data())
def test_two_rows_that_changed_places_are_found_and_named(data: st.DataObject) -> None:
    one, other = sorted(data.draw(st.lists(placed(), min_size=2, max_size=2, unique=True)))
    lines = list(exported())
    lines[one], lines[other] = lines[other], lines[one]

    assert {one, other} & {finding.seq for finding in findings(b"".join(lines))}


def rewritten(keep: int) -> bytes:
    """The ledger up to row `keep`, with a last line to match: what only a head kept outside can show."""
    lines = exported()[: keep + 1]
    last = msgspec.json.decode(lines[-1], type=Link)
    return b"".join(lines) + canonical_json({"hash": last.hash, "rows": keep, "seq": keep}).encode() + b"\n"


@given(data=st.data())
def test_rows_cut_off_the_end_with_a_last_line_to_match_are_found_by_the_head_alone(data: st.DataObject) -> None:
    keep = data.draw(st.one_of(st.just(rows() - 1), st.integers(1, rows() - 1)))

    assert findings(rewritten(keep)) == []
    assert [one.what for one in findings(rewritten(keep), head())] == [f"it was acted on, but the log ends at row {keep}"]


def forged(change: Callable[[Content], Content]) -> bytes:
    """The ledger with its last row changed and every hash made to match."""
    last = msgspec.json.decode(exported()[-2], type=Link)
    row = change(last.row)
    link = Link(row_hash(last.previous, row), last.previous, row)
    end = canonical_json({"hash": link.hash, "rows": rows(), "seq": row.seq}).encode()
    return b"".join(exported()[:-2]) + msgspec.json.encode(link) + b"\n" + end + b"\n"


def test_a_last_row_forged_with_every_hash_is_found_by_the_head_alone() -> None:
    lines = forged(lambda row: msgspec.structs.replace(row, actor="somebody"))

    assert findings(lines) == []
    assert [(one.seq, one.what) for one in findings(lines, head())] == [(rows(), "another row was acted on than the one the log has")]


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        (lambda lines: lines[1:], "this is no exported ledger"),
        (lambda lines: lines[:-1], "the file ends after it without its last line: it was cut off"),
        (lambda lines: [*lines, b"\n"], "something follows the last line"),
        (lambda lines: [*lines[:-1], lines[-1][:-1]], "its line is not as the export wrote it"),
        (lambda lines: [], "this is no exported ledger"),
    ],
)
def test_what_is_no_whole_file_is_named(changed: Callable[[list[bytes]], list[bytes]], what: str) -> None:
    found = findings(b"".join(changed(list(exported()))))

    assert any(what in one.what for one in found)


def test_a_second_call_on_a_guess_shows_in_the_ledger_alone() -> None:
    file, last = BytesIO(), Head(0, GENESIS)
    export = Export(file)
    for before, after in (("", "intended"), ("intended", "calling"), ("calling", "unknown"), ("unknown", "calling")):
        row = Content("", after, "2026-11-20 09:00:00.000000", before, "e1", "f" * 64, "", "a" * 64, last.seq + 1)
        previous, last = last.hash, Head(row.seq, row_hash(last.hash, row))
        export.keep(Link(last.hash, previous, row))
    export.end(last)

    found = findings(file.getvalue())

    assert [(one.invariant, one.subject, one.seq) for one in found] == [(9, "effect:e1", 4)]


def test_an_export_never_overwrites_a_file(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("evidence")
    with Flow(mail) as flow, pytest.raises(FileExistsError):
        examine(flow.db, None, tmp_path / "ledger")

    assert (tmp_path / "ledger").read_text() == "evidence"


texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(actor=texts, reason=texts, at=st.datetimes(), seq=st.integers(0, 2**60))
def test_the_hashed_text_is_the_houses_canonical_json(actor: str, reason: str, at: datetime, seq: int) -> None:
    row = Content(actor, "done", (at + timedelta()).isoformat(), "calling", "e1", "f" * 64, reason, "a" * 64, seq)

    assert msgspec.json.encode(row).decode() == canonical_json(msgspec.structs.asdict(row))
