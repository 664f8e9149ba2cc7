"""An exported ledger: the effect log as a file of JSON lines, verified without any database.

Shape: a first line {"ledger":"billhook","version":1}; one line per row, {"hash":…,"previous":…,"row":{…}}; a last line
{"hash":…,"rows":…,"seq":…}. Every byte counts: a line that is not written exactly as the export writes it is refused. The file holds
ids, states, reasons and hashes, never a request.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from workers.chain import Head, Link
from workers.prove.chain import Follower
from workers.prove.report import LEDGER, Report

FIRST_LINE = b'{"ledger":"billhook","version":1}'
LINE_MAX = 4096
T = TypeVar("T")


class LastLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an export ends: its last row, and how many there are."""

    hash: str
    rows: int
    seq: int


class Export:
    """A ledger being written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._rows = file, 0
        file.write(FIRST_LINE + b"\n")

    def keep(self, link: Link) -> None:
        """Write one row."""
        self._file.write(msgspec.json.encode(link) + b"\n")
        self._rows += 1

    def end(self, last: Head) -> None:
        """Write the last line."""
        self._file.write(msgspec.json.encode(LastLine(last.hash, self._rows, last.seq)) + b"\n")


@contextmanager
def exporting(path: Path) -> Iterator[Export]:
    """A new file at `path`, open for the rows. Raises FileExistsError: evidence is not overwritten."""
    with path.open("xb") as file:
        yield Export(file)


def verify(file: BinaryIO, report: Report, heads: dict[int, set[str]]) -> int:
    """Follow an exported ledger, from its first line to its last; its last row. `heads` as workers.prove.chain.expected gives them."""
    report.only_ledger()
    follower = Follower(report, heads)
    if _line(file) != FIRST_LINE:
        report.add(LEDGER, "first line", 'it is not {"ledger":"billhook","version":1}: this is no exported ledger, or it was changed')
    last = _rows(file, follower)
    follower.end()
    if last is None:
        report.add(LEDGER, f"row {follower.seq}", "the file ends after it without its last line: it was cut off", seq=follower.seq)
    elif last != LastLine(follower.hash, follower.rows, follower.seq):
        what = f"the last line names {last.rows} rows up to row {last.seq}, not {follower.rows} up to row {follower.seq} with its hash"
        report.add(LEDGER, f"row {max(last.seq, follower.seq)}", what, seq=max(last.seq, follower.seq))
    _name_rest(file, report, follower.seq)
    return follower.seq


def _name_rest(file: BinaryIO, report: Report, last: int) -> None:
    """Report what stands behind the last line, a row by its number. `last` is the number of the last row before it."""
    rows, ends = msgspec.json.Decoder(Link), msgspec.json.Decoder(LastLine)
    while (line := _line(file)) is not None:
        link = _exactly(rows, line)
        if link is not None:
            again = ": it is there twice" if link.row.seq <= last else ""
            report.add(LEDGER, f"row {link.row.seq}", f"it stands behind the last line{again}", seq=link.row.seq)
        elif (end := _exactly(ends, line)) is not None:
            report.add(LEDGER, f"row {end.seq}", "a last line that names it follows the last line", seq=end.seq)
        else:
            report.add(LEDGER, f"row {last}", "something follows the last line behind it", seq=last)


def _rows(file: BinaryIO, follower: Follower) -> LastLine | None:
    """Take every row; the last line, or None where the file ends without one."""
    rows, ends = msgspec.json.Decoder(Link), msgspec.json.Decoder(LastLine)
    while (line := _line(file)) is not None:
        link = _exactly(rows, line)
        if link is not None:
            follower.take(link)
        elif (last := _exactly(ends, line)) is not None:
            return last
        else:
            follower.lost(follower.seq + 1, "its line is not as the export wrote it")
    return None


def _line(file: BinaryIO) -> bytes | None:
    """The next line without its end, or None at the end of the file. One without an end, or too long, cannot be as it was written."""
    line = file.readline(LINE_MAX)
    return None if not line else line[:-1] if line.endswith(b"\n") else line + b"?"


def _exactly(decoder: msgspec.json.Decoder[T], line: bytes) -> T | None:
    try:
        value = decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return value if msgspec.json.encode(value) == line else None
