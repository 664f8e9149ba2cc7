"""`billhook top`: the numbers of the console's first page, once or again and again, for people and for programs."""

from datetime import UTC, datetime

from rich.console import Console

from receiver.db import Database
from tests.workers.cli.conftest import Billhook, Made
from tests.workers.lines import delivered
from workers import breaker, restraints
from workers.cli.top import shown
from workers.console.read.now import Standing, moving

NOW = datetime.now(UTC)


def test_it_tells_what_stands_in_line_and_what_is_at_risk(billhook: Billhook, store: Database, made: Made) -> None:
    delivered(store, "1", NOW)

    told = billhook("top", "--once")

    assert told.code == 0
    assert "to route    1, oldest" in told.out
    assert "119.00 EUR waits for a yes (1 effects)" in told.out


def test_a_program_gets_the_numbers_as_an_object(billhook: Billhook, made: Made) -> None:
    told = billhook("top", "--once", "--json")

    assert told.json["backlog"]["ready"] == {"number": 1, "more": False}
    assert told.json["risk"][0]["totals"] == {"EUR": "119.00"}
    assert told.json["needed"] == 1


def test_in_a_pipe_it_looks_once(billhook: Billhook, store: Database) -> None:
    assert billhook("top").out.count("arriving") == 1


def test_what_is_held_is_told_first_of_all_with_what_ends_it(store: Database) -> None:
    store.write(lambda c: restraints.freeze(c, "odd\x1b[31m", at=NOW, actor="test"))
    store.write(lambda c: restraints.pause(c, "pause:shop:*", "why", at=NOW, actor="test"))
    for _ in range(breaker.FAILURES_MAX):
        store.write(lambda c: breaker.failed(c, "shop", "connect", at=NOW))
    with store.read() as connection:
        moves = moving(connection, now=NOW)
    screen = Console(width=200, record=True, file=None, quiet=False)

    with screen.capture() as printed:
        screen.print(shown(moves, Standing(modes={}, replays=[])))

    told = printed.get()
    assert "billhook unfreeze" in told
    assert "paused shop/every workflow: why" in told
    assert "shop does not answer: 3 failures" in told
    assert "\x1b[31m" not in told
