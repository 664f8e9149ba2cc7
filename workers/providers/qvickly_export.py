"""Qvickly's export files, read into rows: XML without entities or DTD, CSV with whatever parts its columns.

Pure. The layout is documented nowhere, so rows carry the names in the file, and nothing is demanded of them.
Source: tests/payloads/qvickly/portal_customers_export_constructed.*, which are constructed.
"""

import csv
import io
from xml.parsers import expat

SEPARATORS = ";,\t"
DEEPEST = 3
Row = dict[str, str]


def xml_rows(content: bytes) -> tuple[Row, ...]:
    """One row per child of the outermost element, by its own children's names. Raises ValueError, also for any DTD or entity."""
    reader = _Rows()
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = reader.begin, reader.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = reader.text, _refuse
    parser.EntityDeclHandler, parser.ExternalEntityRefHandler = _refuse, _refuse
    try:
        parser.Parse(content, True)
    except expat.ExpatError:
        raise ValueError("not XML") from None
    return tuple(reader.rows)


def csv_rows(content: bytes) -> tuple[Row, ...]:
    """One row per line, by the names in the first. Raises ValueError."""
    text = content.decode("utf-8-sig")
    head = text.partition("\n")[0]
    separator = max(SEPARATORS, key=head.count)
    lines = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        rows = list(lines)
    except csv.Error:
        raise ValueError("not CSV") from None
    if any(None in row or None in row.values() for row in rows):
        raise ValueError("a line has another number of columns")
    return tuple(dict(row) for row in rows)


class _Rows:
    """What is between the tags of the second and third level."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._depth, self._name, self._parts = 0, "", list[str]()

    def begin(self, name: str, _attributes: object) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError("nested deeper than rows and fields")
        if self._depth == DEEPEST - 1:
            self.rows.append({})
        self._name, self._parts = name, []

    def end(self, _name: str) -> None:
        if self._depth == DEEPEST:
            self.rows[-1][self._name] = "".join(self._parts)
        self._depth -= 1

    def text(self, part: str) -> None:
        self._parts.append(part)


def _refuse(*_said: object) -> int:
    raise ValueError("a DTD or an entity")
