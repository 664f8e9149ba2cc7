"""Passwords: how they are kept and checked."""

import time

import argon2
import pytest

from receiver.errors import SettingsInvalid
from tests.workers.console.conftest import QUICK
from workers.console.passwords import Passwords


def test_a_password_is_kept_as_argon2id_each_with_its_own_salt() -> None:
    one, other = QUICK.hash("correct horse battery"), QUICK.hash("correct horse battery")

    assert one.startswith("$argon2id$") and one != other
    assert QUICK.fits(one, "correct horse battery") and not QUICK.fits(one, "correct horse batterz")


@pytest.mark.parametrize("password", ["", "short", "x" * 11, "x" * 1025])
def test_a_password_too_short_or_too_long_is_not_taken(password: str) -> None:
    with pytest.raises(SettingsInvalid, match="12 to 1024"):
        QUICK.hash(password)


def test_letters_that_are_typed_in_two_ways_are_one_password() -> None:
    assert QUICK.fits(QUICK.hash("Grüße aus Köln!"), "Gru\u0308ße aus Ko\u0308ln!")


def test_nobodys_password_never_fits_and_is_hashed_all_the_same() -> None:
    class Counted(argon2.PasswordHasher):
        checked = 0

        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            Counted.checked += 1
            return super().verify(hash, password)

    passwords = Passwords(Counted(time_cost=1, memory_cost=8, parallelism=1))

    assert not passwords.fits(None, "correct horse battery")
    assert Counted.checked == 1


def test_a_hash_of_other_parameters_is_outdated() -> None:
    assert Passwords(argon2.PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)).outdated(QUICK.hash("correct horse battery"))
    assert not QUICK.outdated(QUICK.hash("correct horse battery"))


def test_what_is_no_hash_fits_nothing() -> None:
    assert not QUICK.fits("!", "correct horse battery") and not QUICK.fits("", "\ud800")


def test_the_librarys_parameters_are_those_of_the_standard() -> None:
    hasher = argon2.PasswordHasher()

    assert (hasher.type, hasher.memory_cost, hasher.time_cost) == (argon2.Type.ID, 65_536, 3)


@pytest.mark.slow
def test_an_unknown_name_takes_as_long_as_a_wrong_password() -> None:
    passwords = Passwords()
    kept = passwords.hash("correct horse battery")

    def lasts_s(hash: str | None) -> float:
        began = time.perf_counter()
        passwords.fits(hash, "wrong horse battery")
        return time.perf_counter() - began

    known, unknown = (min(lasts_s(hash) for _ in range(9)) for hash in (kept, None))

    assert abs(known - unknown) < known / 4
