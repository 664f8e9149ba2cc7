"""From a command that moves something to the button that does the same: what the command line advises, the console offers.

The advice (workers/advice.py) is written once, as commands. One that has no button here is shown as it is typed.
"""

import shlex
from dataclasses import dataclass
from urllib.parse import urlencode

LABELS = {
    "approve": ("Approve", "good"), "reject": ("Reject", "danger"),
    "did": ("It happened", "good"), "did-not": ("It did not happen", "plain"),
    "resend": ("Send again", "plain"), "retry": ("Try again", "good"), "close": ("Close", "plain"),
    "acknowledge": ("I see to it", "good"), "ignore": ("Ignore", "plain"), "say": ("Look again", "good"),
    "replay": ("Start anew", "plain"), "resume": ("Resume", "good"), "unfreeze": ("Let effects go on", "good"),
    "probe": ("Try the provider now", "good"), "show": ("Show", "plain"),
}  # fmt: skip
SIGNAL_LABELS = {"look.again": "Look again"}
GATE_LABELS = {
    "bank.checked": "The bank is checked …", "invoice.sent": "It reached the customer …", "rate.confirmed": "The rate is right …",
    "claims.settled": "Paid or waived …",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Button:
    """A link to the page that confirms an act."""

    href: str
    label: str
    tone: str


def button(command: str) -> Button | None:
    """The button for a command such as "billhook approve 1a…", or None where there is none."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    if len(words) < 2 or words[0] != "billhook":
        return None
    act, rest = words[1], words[2:]
    options, sets, plain = _options(rest)
    if act == "resolve" and len(plain) == 2:
        return _to(plain[1], f"/act/{plain[1]}", subject=plain[0])
    if act in ("approve", "reject", "resend", "retry", "close", "acknowledge", "ignore") and plain:
        return _to(act, f"/act/{act}", subject=plain[0])
    if act == "signal" and plain:
        made = _to("say", f"/say/{plain[0]}", source=options.get("source", ""), **sets)
        return Button(made.href, SIGNAL_LABELS.get(plain[0], f"Say {plain[0]}"), made.tone)
    if act == "replay" and plain:
        return _to("replay", "/replay", event=plain[0], workflow=options.get("workflow", ""))
    if act == "resume":
        return _to("resume", "/hold/resume", source=options.get("source", ""), workflow=options.get("workflow", ""))
    if act == "breaker" and "probe" in options and plain:
        return _to("probe", "/hold/probe", source=plain[0])
    if act == "unfreeze" and "yes" not in options:
        return _to("unfreeze", "/hold/unfreeze")
    return _to("show", f"/deliveries/{plain[1]}") if act == "deliveries" and plain[:1] == ["show"] and len(plain) == 2 else None


def _to(act: str, path: str, **said: str) -> Button:
    label, tone = LABELS[act]
    asked = urlencode({name: value for name, value in said.items() if value})
    return Button(f"{path}?{asked}" if asked else path, label, tone)


def _options(words: list[str]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """The options of a command line by name, what stands behind its --set, and its plain words."""
    options: dict[str, str] = {}
    plain: list[str] = []
    sets: dict[str, str] = {}
    place = 0
    while place < len(words):
        word = words[place]
        if word in ("--yes", "--probe", "--close"):
            options[word.removeprefix("--")] = "yes"
        elif word.startswith("--") and place + 1 < len(words):
            place += 1
            name, _, value = words[place].partition("=")
            if word == "--set":
                sets[name] = value
            else:
                options[word.removeprefix("--")] = words[place]
        else:
            plain.append(word)
        place += 1
    return options, sets, plain
