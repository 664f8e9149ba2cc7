from datetime import timedelta

import pytest

from workers.sandbox.outbox import RETRIES, RETRY_EVERY


def test_a_notification_is_tried_six_times_at_ten_minutes_with_the_same_bytes_and_then_never_again(sandbox, clock):
    sandbox.trigger("customer.created")
    began, bodies, times = clock(), [], []
    while sandbox.outbox.next_at() is not None:
        clock.now = sandbox.outbox.next_at()
        (letter,) = sandbox.outbox.due(clock())
        bodies.append(letter.notification.body)
        times.append(clock() - began)
        sandbox.outbox.answered(letter, 503, clock())

    assert times == [n * RETRY_EVERY for n in range(RETRIES + 1)]
    assert len(set(bodies)) == 1 and letter.given_up
    assert sandbox.outbox.due(clock() + timedelta(days=30)) == []


@pytest.mark.parametrize("status, taken", [(200, True), (204, True), (299, True), (302, False), (400, False), (500, False), (None, False)])
def test_any_answer_from_200_to_299_takes_it_and_no_other(sandbox, clock, status, taken):
    sandbox.trigger("customer.created")
    (letter,) = sandbox.outbox.due(clock())

    sandbox.outbox.answered(letter, status, clock())

    assert letter.taken is taken


def test_duplicates_repeat_id_and_bytes(sandbox):
    sandbox.outbox.copies = 3
    sandbox.trigger("customer.created")

    assert len({notice.body for notice in sandbox.drain()}) == 1
    assert len(sandbox.outbox.letters) == 3


def test_disorder_shuffles_what_is_due_together_the_same_way_each_time(sandbox, clock):
    for _ in range(4):
        sandbox.trigger("invoice.completed")
    straight = [letter.notification.id for letter in sandbox.outbox.due(clock())]
    sandbox.outbox.disorder = True

    mixed = [letter.notification.id for letter in sandbox.outbox.due(clock())]

    assert mixed != straight and sorted(mixed) == sorted(straight)
    assert mixed == [letter.notification.id for letter in sandbox.outbox.due(clock())]


def test_a_lost_notification_is_never_sent(sandbox):
    sandbox.outbox.lose = 1
    sandbox.trigger("customer.created")
    sandbox.trigger("customer.updated")

    assert [notice.type for notice in sandbox.drain()] == ["customer.changed"]


def test_a_delayed_notification_is_due_later(sandbox, clock):
    sandbox.outbox.delay_s = 60
    sandbox.trigger("customer.created")

    assert sandbox.drain() == []
    clock.advance(seconds=60)
    assert len(sandbox.drain()) == 1
