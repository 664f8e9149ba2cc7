"""The report: every invariant is named once, and too many findings are counted, not kept."""

from workers.prove.report import KEPT_MAX, LEDGER, TITLES, Report


def test_every_invariant_has_a_title_and_a_result() -> None:
    report = Report()

    assert sorted(TITLES) == list(range(14))
    assert {number for number in TITLES if report.result(number) == "not shown"} == {1, 12, 13}


def test_of_very_many_findings_some_are_kept_and_all_are_counted() -> None:
    report, other = Report(), Report()
    for number in range(KEPT_MAX + 5):
        report.add(7, f"effect:{number}", "broken")
        other.add(7, f"effect:{number}", "broken")

    report.join(other)

    assert (len(report.kept), report.broken[7], report.clean) == (KEPT_MAX, 2 * (KEPT_MAX + 5), False)


def test_a_ledger_alone_shows_only_what_stands_in_the_log() -> None:
    report = Report()

    report.only_ledger()

    assert {number for number in TITLES if report.result(number) == "holds"} == {LEDGER, 7, 8, 9}
    assert report.notes[2] == "needs the database"
