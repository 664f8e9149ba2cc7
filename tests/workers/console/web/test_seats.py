"""Live streams: a few for each person and each address, and not too many in all."""

from contextlib import ExitStack

import pytest

from workers.console.web.seats import ADDRESS_MAX, EACH_MAX, EVERY_MAX, Seats


def test_a_person_has_a_few_and_one_that_ends_makes_room() -> None:
    seats = Seats()
    with ExitStack() as open_:
        first = ExitStack()
        assert first.enter_context(seats.seat("console:anna", "10.0.0.1"))
        assert all(open_.enter_context(seats.seat("console:anna", f"10.0.1.{number}")) for number in range(EACH_MAX - 1))

        with seats.seat("console:anna", "10.0.0.9") as fifth, seats.seat("console:ben", "10.0.0.9") as other:
            assert (fifth, other) == (False, True)
        first.close()
        with seats.seat("console:anna", "10.0.0.9") as again:
            assert again


@pytest.mark.parametrize(("most", "person", "address"), [(ADDRESS_MAX, "console:p{}", "10.0.0.1"), (EVERY_MAX, "console:p{}", "10.0.{}.1")])
def test_an_address_and_the_console_have_a_limit_too(most: int, person: str, address: str) -> None:
    seats = Seats()
    with ExitStack() as open_:
        taken = [open_.enter_context(seats.seat(person.format(number), address.format(number))) for number in range(most + 1)]

    assert taken == [True] * most + [False]


def test_a_seat_is_given_back_where_the_stream_breaks_off() -> None:
    seats = Seats()

    for _ in range(2 * EACH_MAX):
        with pytest.raises(ConnectionError), seats.seat("console:anna", "10.0.0.1") as free:
            assert free
            raise ConnectionError
