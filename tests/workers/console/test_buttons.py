"""Buttons from the advice's commands, so that nothing the command line can move lacks one here."""

import pytest

from workers.console.buttons import button


@pytest.mark.parametrize(
    ("command", "href", "label"),
    [
        ("billhook approve 1a", "/act/approve?subject=1a", "Approve"),
        ("billhook reject 1a --reason TEXT", "/act/reject?subject=1a", "Reject"),
        ("billhook resolve 1a did", "/act/did?subject=1a", "It happened"),
        ("billhook resolve 1a did-not", "/act/did-not?subject=1a", "It did not happen"),
        ("billhook resend 1a --reason TEXT", "/act/resend?subject=1a", "Send again"),
        ("billhook retry 7", "/act/retry?subject=7", "Try again"),
        ("billhook close alert:7", "/act/close?subject=alert%3A7", "Close"),
        ("billhook signal look.again --source shop --set invoice_id=4711", "/say/look.again?source=shop&invoice_id=4711", "Look again"),
        ("billhook replay 12 --workflow auto-send --yes", "/replay?event=12&workflow=auto-send", "Start anew"),
        ("billhook resume --source shop --workflow dunning", "/hold/resume?source=shop&workflow=dunning", "Resume"),
        ("billhook breaker shop --probe", "/hold/probe?source=shop", "Try the provider now"),
        ("billhook unfreeze", "/hold/unfreeze", "Let effects go on"),
        ("billhook deliveries show 3", "/deliveries/3", "Show"),
    ],
)
def test_a_command_has_a_button_that_does_the_same(command: str, href: str, label: str) -> None:
    made = button(command)

    assert made is not None
    assert (made.href, made.label) == (href, label)


@pytest.mark.parametrize("command", ["billhook doctor", "billhook unfreeze --yes --reason TEXT", "rm -rf /", "billhook", "billhook 'x", ""])
def test_what_has_no_button_is_shown_as_a_command(command: str) -> None:
    assert button(command) is None
