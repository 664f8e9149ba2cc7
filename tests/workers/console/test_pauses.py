"""The pauses between tries to log in."""

from workers.console.pauses import AUDITED_A_MINUTE, BUCKETS, FORGOTTEN_S, NAME_MAX_S, PEER_MAX_S, Pauses, network


def failing(times: int, *, name: str = "anna", peer: str = "10.0.0.1") -> Pauses:
    pauses = Pauses(key=b"0" * 16)
    for _ in range(times):
        pauses.failed(name, peer, now_s=1_000.0)
    return pauses


def test_two_mistakes_cost_nothing_and_each_further_one_twice_the_time() -> None:
    waits = [failing(times).wait_s("anna", "10.0.0.1", now_s=1_000.0) for times in range(7)]

    assert waits == [0, 0, 0, 1, 2, 4, 8]


def test_a_name_is_held_a_minute_at_most_from_another_address_and_an_address_a_quarter_of_an_hour() -> None:
    pauses = failing(100)

    assert pauses.wait_s("anna", "10.9.9.9", now_s=1_000.0) == NAME_MAX_S
    assert pauses.wait_s("other", "10.0.0.1", now_s=1_000.0) == PEER_MAX_S
    assert pauses.wait_s("other", "10.9.9.9", now_s=1_000.0) == 0


def test_a_pause_ends_and_an_hour_later_all_is_forgotten() -> None:
    pauses = failing(5)

    assert pauses.wait_s("anna", "10.0.0.1", now_s=1_004.0) == 0
    pauses.failed("anna", "10.0.0.1", now_s=1_001.0 + FORGOTTEN_S)
    assert pauses.wait_s("anna", "10.0.0.1", now_s=1_001.0 + FORGOTTEN_S) == 0


def test_who_has_an_account_buys_no_guesses_at_others_with_it() -> None:
    pauses = failing(6)

    pauses.failed("mallory", "10.0.0.1", now_s=1_000.0)
    pauses.succeeded("mallory", "10.0.0.1")

    assert pauses.wait_s("ben", "10.0.0.1", now_s=1_000.0) == 8


def test_a_success_frees_the_name() -> None:
    pauses = failing(6)

    pauses.succeeded("anna", "10.0.0.1")

    assert pauses.wait_s("anna", "10.9.9.9", now_s=1_000.0) == 0


def test_a_flood_of_names_stays_within_a_fixed_memory_and_frees_nobody() -> None:
    pauses = failing(6)

    for number in range(3 * BUCKETS):
        pauses.failed(f"name{number}", f"10.1.{number >> 8 & 255}.{number & 255}", now_s=1_000.0)

    assert len(pauses.buckets) <= BUCKETS
    assert pauses.wait_s("anna", "10.0.0.1", now_s=1_000.0) >= 8


def test_the_addresses_of_one_ipv6_network_count_as_one() -> None:
    assert network("2001:db8:1:2:3::4") == network("2001:db8:1:2:ffff::1") != network("2001:db8:1:3::1")
    assert network("::ffff:10.0.0.1") == "10.0.0.1"
    assert network("unix") == "unix"


def test_a_flood_of_failures_is_counted_and_not_all_of_it_kept() -> None:
    pauses = Pauses()

    kept = [pauses.to_audit(now_s=600.0) for _ in range(AUDITED_A_MINUTE + 5)]

    assert kept == [0] * AUDITED_A_MINUTE + [None] * 5
    assert pauses.to_audit(now_s=660.0) == 5
    assert pauses.to_audit(now_s=660.0) == 0
