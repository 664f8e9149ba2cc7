"""The notifier: what waits is told once, an alert nobody acknowledged again, and never a person's name."""

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from receiver.db import Database
from receiver.errors import SettingsInvalid
from workers import desk, notices
from workers.notices import letter, mark, round_of, sender, untold, work
from workers.notify import NotifySettings

AT = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(hours=24)


def waits(database: Database, now: datetime = AT) -> list[str]:
    with database.read() as connection:
        return [matter.line for matter in untold(connection, now=now, again_after=DAY)]


def tell(database: Database, now: datetime = AT) -> None:
    def act(connection):  # type: ignore[no-untyped-def]
        mark(connection, untold(connection, now=now, again_after=DAY), at=now)

    database.write(act)


def raise_alert(database: Database) -> None:
    database.write(lambda c: desk.alert(c, source="shop", subject="shop/4711", reason="spike_stop", at=AT))


@pytest.fixture
def full(database: Database) -> Database:
    """One alert, one parked item, one task."""
    raise_alert(database)
    database.write(lambda c: desk.park(c, kind="failed", source="shop", subject="run:1", reason="Anna Muster was not found", at=AT))
    database.write(lambda c: desk.task(c, run_id="r", name="post it", source="shop", reason="no_email", at=AT, detail={"name": "Anna"}))
    return database


def test_everything_that_waits_is_told_by_its_ids_alone(full: Database) -> None:
    assert waits(full) == ["alert spike_stop: shop/4711", "failed: run:1 (shop)", "by hand: post it (shop)"]


def test_what_was_told_is_not_told_again_but_an_open_alert_after_a_day(full: Database) -> None:
    tell(full)

    assert waits(full, AT + DAY - timedelta(seconds=1)) == []
    assert waits(full, AT + DAY) == ["alert spike_stop: shop/4711"]


@pytest.mark.parametrize("state", ["acknowledged", "ignored"])
def test_an_alert_somebody_saw_is_not_told_again(database: Database, state: str) -> None:
    raise_alert(database)
    database.write(lambda c: desk.set_alert(c, 1, state, actor="test"))
    raise_alert(database)

    assert waits(database, AT + 9 * DAY) == []


def test_an_ignored_alert_that_is_over_and_comes_back_is_told_anew(database: Database) -> None:
    raise_alert(database)
    database.write(lambda c: desk.set_alert(c, 1, "ignored", actor="test"))
    database.write(lambda c: desk.close_alert(c, "shop/4711", "spike_stop", at=AT))
    raise_alert(database)

    assert waits(database) == ["alert spike_stop: shop/4711"]


def test_a_letter_nobody_took_is_tried_again(full: Database) -> None:
    letters: list[str] = []

    def refuses(title: str, body: str) -> bool:
        letters.append(title)
        return len(letters) > 1

    told = [round_of(full, "me", NotifySettings(), refuses) for _ in range(3)]

    assert told == [0, 3, 0]
    assert letters == ["billhook: 3 things need you"] * 2


def test_only_one_notifier_tells(full: Database) -> None:
    letters: list[str] = []
    settings = NotifySettings()

    def keeps(title: str, body: str) -> bool:
        letters.append(body)
        return True

    assert (round_of(full, "me", settings, keeps), round_of(full, "other", settings, keeps)) == (3, 0)
    raise_alert(full)
    assert round_of(full, "other", settings, keeps) == 0
    assert len(letters) == 1


def test_a_letter_names_the_page_and_stays_short() -> None:
    matters = [notices.Matter("task", number, f"by hand: {number} (shop)") for number in range(50)]

    title, body = letter(matters, "https://billhook.example.org/")

    assert title == "billhook: 50 things need you"
    assert "and 30 more" in body and body.endswith("https://billhook.example.org/needs")


def test_an_address_that_is_none_is_refused_without_being_quoted() -> None:
    with pytest.raises(SettingsInvalid, match="address 1 is none") as refused:
        sender(["not-an-address:secret"])

    assert "secret" not in str(refused.value)
    with pytest.raises(SettingsInvalid, match="is not set"):
        sender([])


def test_what_goes_wrong_in_one_round_is_tried_in_the_next(full: Database) -> None:
    rounds: list[str] = []

    def breaks(title: str, body: str) -> bool:
        rounds.append(title)
        if len(rounds) == 1:
            raise RuntimeError("odd")
        return True

    waited = iter([False, True])
    work(full, NotifySettings(), breaks, lambda _seconds: next(waited))

    assert len(rounds) == 2


def test_what_goes_wrong_is_logged_without_the_address_it_may_quote(full: Database) -> None:
    def breaks(title: str, body: str) -> bool:
        raise RuntimeError("cannot reach tgram://123456:geheim/chat")

    with capture_logs() as told:
        work(full, NotifySettings(), breaks, lambda _seconds: True)

    assert [line["event"] for line in told] == ["notifier failed on a round"]
    assert "geheim" not in str(told) and "exc_info" not in told[0]
