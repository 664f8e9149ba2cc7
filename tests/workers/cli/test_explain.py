"""explain: by prefix, by number, by address; and what it says where nothing, or more than one thing, fits."""

import shlex

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database, table_of
from tests.workers.cli.conftest import AT, Billhook, Made
from tests.workers.lines import told_again
from workers import story
from workers.mirror import _BLANK, Mirror, called


@pytest.fixture
def known(store: Database, made: Made) -> Made:
    """Invoice 4711 is printed as 2026-0017; its customer 501 has an address; customer 88 has the number 501."""

    def write(connection: Connection) -> None:
        for kind, id, fields in (
            ("invoice", "4711", {"number": "2026-0017"}), ("customer", "501", {"number": "K-1", "email": "max@example.com"}),
            ("customer", "88", {"number": "501"}),
        ):  # fmt: skip
            names = {name: called(fields, name) for name in ("number", "email")}
            row = {**_BLANK, "source": "shop", "kind": kind, "object_id": id, "fields": fields, **names}
            connection.execute(sa.insert(table_of(Mirror)).values(row))

    store.write(write)
    return made


@pytest.mark.parametrize("key", ["2026-0017", "max@example.com", "K-1", "run:RUN", "effect:EFFECT"])
def test_a_printed_number_and_an_address_tell_the_story_of_their_object(billhook: Billhook, known: Made, key: str) -> None:
    told = billhook("explain", key.replace("RUN", known.run).replace("EFFECT", known.effect))

    assert told.code == 0 and told.err == ""
    assert "invoice.completed invoice 4711 customer 501" in told.out


def test_a_key_that_fits_more_than_one_thing_says_so_and_tells_all_once(billhook: Billhook, known: Made) -> None:
    told = billhook("explain", "501")

    assert "501 fits more than one thing: customer:501 on shop (id), customer:88 on shop (customer number)" in told.err
    assert told.out.count("invoice.completed invoice 4711") == 1
    assert billhook("explain", "customer:501").err == ""


def test_an_unknown_prefix_names_the_known_ones(billhook: Billhook, known: Made) -> None:
    answer = billhook("explain", "foo:4711")

    assert answer.code == 2
    assert "foo: is not known" in answer.err and "invoice, customer, delivery" in answer.err


@pytest.mark.parametrize("key", ["run:4711x", "effect:4711", "customer:4711", "delivery:4711"])
def test_a_prefix_finds_only_its_own_kind(billhook: Billhook, known: Made, key: str) -> None:
    assert billhook("explain", key).code == 1


def test_what_is_known_and_never_did_anything_is_told_apart_from_what_is_not_known(billhook: Billhook, known: Made) -> None:
    answer = billhook("explain", "88")

    assert answer.code == 1
    assert "customer:88 on shop (id) is known, and nothing happened with it" in answer.err


def test_a_long_story_names_the_command_that_goes_on(
    billhook: Billhook, store: Database, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    told_again(store, made.delivery, AT)
    monkeypatch.setattr(story, "MOST", 4)

    newest = billhook("explain", "invoice:4711")
    command = newest.err.partition("`")[2].partition("`")[0]
    before = billhook(*shlex.split(command)[1:])

    assert len(newest.out.splitlines()) == 2 and "these are the newest 2 lines" in newest.err
    assert command == "billhook explain invoice:4711 --until 2026-11-20T09:00:00.000000"
    assert "invoice.created 464" in before.out and before.err == ""
