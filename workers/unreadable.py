"""A read that could not be made, in words: what the provider did, and what gets it going again.

Used where a person looks: the command line and the lists. The kinds are the words of workers/providers; of what came from outside
only an HTTP status is shown. Never decides when to ask again: workers/retry.py does.
"""

import re

from receiver.errors import Retryable

LATER = "nothing was changed there; ask again later"
SENTENCES = {
    "credentials": "the provider refuses the login of source {source}: correct BILLHOOK_API_{NAME}_USER and BILLHOOK_API_{NAME}_KEY",
    "dns": "the API host of source {source} cannot be reached: its name in base_url under [source.{source}.api] is not known",
    "connect": "the API host of source {source} cannot be reached: check base_url under [source.{source}.api] and the network",
    "tls": "the API host of source {source} cannot prove who it is: check base_url under [source.{source}.api] and this machine's clock",
    "timeout": "the API of source {source} did not answer in time: " + LATER,
    "late": "this machine was too slow to ask the API of source {source}: " + LATER,
    "slow": "the reads before one call of source {source} took longer than a minute: the provider is slow, or the call names too much",
    "reset": "the API of source {source} broke off its answer: " + LATER,
    "protocol": "what answers for source {source} does not speak HTTP: is base_url under [source.{source}.api] the API's URL?",
    "rate": "the provider takes no more calls of source {source} for now: ask again in a minute, or lower its rate in billhook.toml",
    "not_json": "the provider's answer is not JSON: is base_url under [source.{source}.api] the API's URL?",
    "same_page": "the provider of source {source} answers the same page of a list again and again: look there why, or ask its support",
    "not_confirmed": "the provider of source {source} serves a message again that was confirmed, and no other: ask its support",
    "not_there": "the provider of source {source} does not know the object any more: look there whether it was deleted",
    "rejected": "the provider refuses to read for source {source}: look there whether this account may use the API",
}  # fmt: skip
DOWN = "the provider of source {source} answers {status} instead of data: " + LATER
ELSEWHERE = "the provider of source {source} answers {status}: is base_url under [source.{source}.api] the API's URL?"
OTHER = "the provider's answer for source {source} is not what was asked for ({kind}): " + LATER
_CODE = re.compile(r"(?!unclear_answer)\w+: (\w+)(?: ([0-9]{3}))?")


def in_words(cause: Retryable, source: str = "") -> str:
    """What went wrong and what to do; the error's own message where it names no kind."""
    kind, status = cause.context.get("kind"), cause.context.get("status")
    source = source or str(cause.context.get("provider") or "")
    return sentence(str(kind), source, status if isinstance(status, int) else None) if kind and source else str(cause)


def of_code(code: str, source: str) -> str:
    """The same for a code that retry.told made of a read, such as "read_failed: status 503"; "" else: a call may have changed something."""
    found = _CODE.fullmatch(code)
    return sentence(found[1], source, int(found[2]) if found[2] else None) if found else ""


def sentence(kind: str, source: str, status: int | None = None) -> str:
    """One sentence on a failed read of this kind: "status" is told apart by its number, because an address can be wrong too."""
    template = SENTENCES.get("rejected" if kind == "errors" else kind, OTHER)
    if kind == "status":
        template = DOWN if status is None or status >= 500 or status == 408 else ELSEWHERE
    name = source.upper().replace("-", "_")
    return template.format(source=source, NAME=name, kind=kind, status="an error" if status is None else status)
