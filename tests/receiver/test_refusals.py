"""The refusal list: sampled, capped in rows and bytes for each source, and never in anybody's way."""

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from receiver.db import Database
from receiver.inbox import RefusedRequest, list_refusals, refused_since
from receiver.refusals import BODY_KEPT, RefusalLog
from receiver.settings import ReceiverSettings


def refused(cause: str = "credentials", *, source: str = "shop", body: bytes = b"junk") -> RefusedRequest:
    return RefusedRequest(source=source, at=datetime.now(UTC), status=401, cause=cause, body=body, body_size=len(body))


def kept(database: Database, source: str | None = None) -> list[tuple[str, str, int, int]]:
    with database.read() as connection:
        return [(row.source, row.cause, row.seen, len(row.body)) for row in list_refusals(connection, source=source, limit=1000)]


def test_above_the_sample_they_are_only_counted_on_the_newest_of_their_kind(database: Database) -> None:
    log = RefusalLog(database, ReceiverSettings(refusals_per_minute=2))

    for _ in range(5):
        log.add(refused())
    log.add(refused("payload"))
    log.flush()
    log.add(refused())
    log.flush()

    assert kept(database) == [("shop", "payload", 1, 4), ("shop", "credentials", 5, 4), ("shop", "credentials", 1, 4)]


def test_each_source_is_capped_in_rows_and_the_oldest_go_first(database: Database) -> None:
    log = RefusalLog(database, ReceiverSettings(refusals_max=3))

    for number in range(6):
        log.add(refused(f"cause-{number}"))
    log.add(refused(source="-"))
    log.flush()

    assert [cause for _, cause, _, _ in kept(database, "shop")] == ["cause-5", "cause-4", "cause-3"]
    assert len(kept(database, "-")) == 1


def test_each_source_is_capped_in_bytes_and_a_body_is_cut(database: Database) -> None:
    log = RefusalLog(database, ReceiverSettings(refusals_max_bytes=2 * BODY_KEPT))

    for number in range(4):
        log.add(refused(f"cause-{number}", body=b"x" * (BODY_KEPT + 5)))
    log.flush()

    assert kept(database) == [("shop", "cause-3", 1, BODY_KEPT), ("shop", "cause-2", 1, BODY_KEPT)]


@pytest.mark.parametrize("url", ["sqlite:///{0}/empty.db", "postgresql://nobody@127.0.0.1:1/none"])
def test_a_database_that_does_not_take_them_costs_nothing_but_them(url: str, tmp_path: object) -> None:
    database = Database(url.format(tmp_path))
    log = RefusalLog(database, ReceiverSettings())
    log.start()

    log.add(refused())

    log.close()
    database.close()


def test_the_log_names_the_first_of_a_source_and_cause_and_counts_the_rest(sqlite_database: Database) -> None:
    log = RefusalLog(sqlite_database, ReceiverSettings())

    with capture_logs() as logged:
        for _ in range(50):
            log.add(refused())
        log.add(refused("payload"))
        log.add(refused(source="-"))

    told = [(line["event"], line["source"], line["cause"], line["count"]) for line in logged]
    assert told == [
        ("refused at the door", source, cause, 1) for source, cause in (("shop", "credentials"), ("shop", "payload"), ("-", "credentials"))
    ]
    assert set(logged[0]) == {"event", "log_level", "source", "cause", "status", "count", "command"}


def test_a_database_that_stays_away_is_one_line() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    log = RefusalLog(database, ReceiverSettings())

    with capture_logs() as logged:
        for _ in range(3):
            log.add(refused())
            log.flush()

    database.close()
    assert [line["event"] for line in logged if line["event"] == "refusals could not be kept"] == ["refusals could not be kept"]


def test_what_was_refused_lately_is_counted_by_source_and_cause(database: Database) -> None:
    log = RefusalLog(database, ReceiverSettings(refusals_per_minute=1))
    for _ in range(3):
        log.add(refused())
    log.add(refused("payload"))
    log.flush()

    with database.read() as connection:
        lately = refused_since(connection, datetime.now(UTC) - timedelta(hours=1))
        later = refused_since(connection, datetime.now(UTC) + timedelta(minutes=1))

    assert (lately, later) == ([("shop", "credentials", 3), ("shop", "payload", 1)], [])
