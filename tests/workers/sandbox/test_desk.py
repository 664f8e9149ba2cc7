"""The control desk of several sandboxes in one process. What it does for one is in test_app.py."""

from datetime import timedelta

from tests.workers.sandbox.test_app import ask, three
from workers.sandbox.app import create_app
from workers.sandbox.sender import ScaledClock


def test_the_desk_is_one_for_all_and_asks_whom_is_meant_where_two_are():
    clock = ScaledClock()
    shop, pay, books = those = three(clock)
    app = create_app(those, clock)

    unnamed = ask(app, 8090, "POST", "/_sandbox/faults", {"kind": "drop"})
    only = ask(app, 8091, "POST", "/_sandbox/faults", {"kind": "rate"})
    from_elsewhere = ask(app, 8091, "POST", "/_sandbox/faults", {"kind": "drop", "times": 3}, source="pay")

    assert unnamed.status_code == 400 and "books, pay, shop" in unnamed.json()["error"]
    assert (only.status_code, from_elsewhere.status_code) == (200, 200)
    assert [[fault.kind for fault in one.sandbox.faults.planned] for one in (shop, pay, books)] == [[], ["drop"], ["rate"]]
    assert ask(app, 8090, "GET", "/_sandbox/faults", source="pay").json()["faults"][0]["times"] == 3
    assert ask(app, 8090, "GET", "/_sandbox/health").json()["sources"] == {"shop": "monsum", "pay": "qvickly", "books": "fastbill"}


def test_one_clock_moves_for_all_and_never_back():
    clock = ScaledClock()
    those = three(clock)
    app, before = create_app(those, clock), clock()

    moved = ask(app, 8091, "POST", "/_sandbox/clock", {"advance_s": 3600, "scale": 60})
    back = ask(app, 8090, "POST", "/_sandbox/clock", {"advance_s": -1})

    assert moved.status_code == 200 and moved.json()["scale"] == 60
    assert all(one.sandbox.clock() - before >= timedelta(hours=1) for one in those)
    assert back.status_code == 400 and "never back" in back.json()["error"] and clock() - before >= timedelta(hours=1)
