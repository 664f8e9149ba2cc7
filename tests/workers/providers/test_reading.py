"""A read takes the ids and filters it names, and no more rows than were asked for."""

import pytest

from workers.providers.reading import Reading

ROWS = [{"id": str(number)} for number in range(5)]
LIST = Reading(about="things", run=lambda client, ids, where: iter(ROWS), columns=("id",), filters=("customer_id", "isPrivate"))
GET = Reading(about="one", run=lambda client, ids, where: iter([{"id": ids[0]}]), takes="one", named="payment number")


def test_no_more_rows_are_read_than_were_asked_for() -> None:
    taken = []
    counting = Reading(about="", run=lambda client, ids, where: (taken.append(row) or row for row in ROWS), columns=())

    assert counting.rows(None, (), {}, limit=2) == ROWS[:2]
    assert taken == ROWS[:2]


@pytest.mark.parametrize("ids", [(), ("1", "2")])
def test_a_read_of_one_thing_wants_one_id(ids: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="name one payment number"):
        GET.rows(None, ids, {}, limit=1)


def test_a_list_takes_no_id() -> None:
    with pytest.raises(ValueError, match="--where"):
        LIST.rows(None, ("1",), {}, limit=1)


def test_a_filter_nobody_knows_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="do you mean customer_id"):
        LIST.rows(None, (), {"customerid": "1"}, limit=1)


def test_a_filter_is_known_in_any_case_and_asked_as_the_provider_writes_it() -> None:
    asked = []
    spelt = Reading(about="", run=lambda client, ids, where: iter([asked.append(where) or {}]), filters=("isPrivate",))

    spelt.rows(None, (), {"ISPRIVATE": "yes"}, limit=1)

    assert asked == [{"isPrivate": "yes"}]
