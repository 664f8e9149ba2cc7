"""The mail server without a wire: it keeps what it takes, and faults are felt where a real one would let them be felt."""

from types import SimpleNamespace

import pytest

from receiver.errors import OutcomeUnknown
from workers.providers import mail
from workers.providers.mail import Mail
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.mailbox import LocalMailer


def letter() -> Mail:
    built = mail.send.build(SimpleNamespace(source="shop", id="A"), recipient="ap@example.org", subject="Mahnung", message="Bitte zahlen.")
    assert isinstance(built, Mail)
    return built


def test_a_mail_is_kept_beside_what_the_provider_sends() -> None:
    sandbox = MonsumSandbox()

    LocalMailer(sandbox).send(letter())

    assert [(sent["service"], sent["to"], sent["subject"]) for sent in sandbox.sent] == [("mail.send", "ap@example.org", "Mahnung")]


@pytest.mark.parametrize(("fault", "error", "kept"), [("refuse", OSError, 0), ("drop", OutcomeUnknown, 1)])
def test_a_fault_before_the_text_sends_nothing_and_one_after_it_leaves_it_unknown(fault: str, error: type[Exception], kept: int) -> None:
    sandbox = MonsumSandbox()
    sandbox.faults.add(fault, "mail.send")

    with pytest.raises(error):
        LocalMailer(sandbox).send(letter())

    assert len(sandbox.sent) == kept
