"""The policy: its careful defaults, and errors that say what is wrong and why."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from workflows.auto_send.policy import AutoSendPolicy


def refusal(**said: Any) -> str:
    """What a policy with these settings is told."""
    with pytest.raises(ValidationError) as refused:
        AutoSendPolicy.model_validate(said)
    return str(refused.value)


def test_as_installed_it_is_careful() -> None:
    policy = AutoSendPolicy()

    assert (policy.hold_minutes, policy.email_window, policy.post_window) == (15, "07:00-20:00", "08:00-16:00")
    assert policy.channel_map == {}
    assert (policy.unmapped_channel, policy.unknown_email, policy.on_hard_bounce) == ("hold", "park", "task")
    assert (policy.daily_cap, policy.low_postage_alert, policy.prenotification_days) == (200, 20, 14)
    assert policy.cc_mode == "provider"


def test_a_policy_survives_the_journal() -> None:
    policy = AutoSendPolicy(channel_map={"E-Mail": "email", "": "none"}, einvoice_above="250.00", templates=None)  # type: ignore[arg-type]

    assert AutoSendPolicy.model_validate(policy.model_dump(mode="json")) == policy


def test_delivery_methods_are_compared_without_regard_to_case() -> None:
    assert AutoSendPolicy(channel_map={" E-Mail ": "email"}).channel_map == {"e-mail": "email"}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"hold_minutes": 1441}, "less than or equal to 1440"),
        ({"hold_minutes": -1}, "greater than or equal to 0"),
        ({"email_window": "20:00-07:00"}, "would never open"),
        ({"post_window": "8-16"}, 'a window is written "07:00-20:00"'),
        ({"channel_map": {"1": "fax"}}, "'email', 'post', 'both' or 'none'"),
        ({"recipients": ["EMAIL_CC"]}, "never to another field in its place"),
        ({"payment_mail_address": "always"}, "payment references, not for invoices"),
        ({"language_fallback": ["LANGUAGE_CODE"]}, 'must end with a language such as "de"'),
        ({"language_fallback": ["de", "LANGUAGE_CODE"]}, 'must end with a language such as "de"'),
        ({"language_fallback": ["fi"]}, 'there is no text in "fi": add fi/subject.txt and fi/message.txt'),
        ({"country_languages": {"FI": "fi"}}, 'there is no text in "fi"'),
        ({"country": "Germany"}, "no holidays are known"),
        ({"holiday_region": "Berlin"}, 'has no region "Berlin"'),
        ({"templates": "no/such/folder"}, 'there is no folder "no/such/folder"'),
        ({"einvoice_for_all_from": "2026-01-01"}, "lies before einvoice_from"),
        ({"unmapped_channel": "email"}, "'hold' or 'skip'"),
        ({"mode": "auto"}, "Extra inputs are not permitted"),
        ({"channelmap": {}}, "Extra inputs are not permitted"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_with_the_reason(said: dict[str, Any], why: str) -> None:
    assert why in refusal(**said)


def test_a_folder_of_templates_goes_before_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "fi").mkdir()
    (tmp_path / "fi" / "subject.txt").write_text("Lasku {{ number }}")
    (tmp_path / "fi" / "message.txt").write_text("Lasku {{ number }}, {{ total }}")

    assert AutoSendPolicy(templates=str(tmp_path), language_fallback=("LANGUAGE_CODE", "fi")).language_fallback[-1] == "fi"


def test_a_language_with_half_its_texts_is_refused_at_load(tmp_path: Path) -> None:
    (tmp_path / "fi").mkdir()
    (tmp_path / "fi" / "subject.txt").write_text("Lasku {{ number }}")

    assert "template fi/message.txt: it is missing" in refusal(templates=str(tmp_path))
