"""Logs: a constant sentence and named fields, never a body, a name, an address or a secret.

Owns the set-up of structlog and of the libraries' own loggers, and the redaction every line passes. A text under a field name
that is not on the allow-list is withheld; an allowed text is still searched for what looks like an address, an IBAN or a secret.
"""

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog

# Field names whose text may be shown. Numbers, booleans and None pass under any name; a text under any other name is withheld.
ALLOWED = frozenset(
    """
    event level logger timestamp role address url version pid signal command process thread exception stack file line
    delivery deliveries source kind origin native_type native_id family object event_type type run workflow step key effect slot
    state states reason outcome cause detail status method path mode field setting attempt attempts wake_at at until count counts
    queue actor message fence generation reference provider service query call error errors code table revision wanted found head
    schema database dialect owner name names duty cursor policy alert task block worker
    """.split()  # noqa: SIM905
)
_SUFFIXES = ("_id", "_ids", "_at", "_on", "_s", "_ms", "_count", "_kind", "_type", "_state", "_name", "_seq")
_MASKS = (
    (re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+"), "<e-mail>"),
    (re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,4})?\b"), "<iban>"),
    (re.compile(r"://[^/\s:@]*:[^/\s@]+@"), "://<credentials>@"),
    (re.compile(r"(/webhooks/[a-z0-9-]+/)[^\s\"'?]+"), r"\1<secret>"),
    (re.compile(r"whsec_[A-Za-z0-9+/=_-]+|\bbhk_[A-Za-z0-9_-]{6,}|\b(?:Basic|Bearer)\s+[A-Za-z0-9+/=._-]{6,}"), "<secret>"),
    (re.compile(r"/(accountdata|dashboard|download|change-data|paypal|document)/[^\s\"']+"), r"/\1/<secret>"),
    (re.compile(r"(?<![\w-])(?=[A-Za-z0-9_+/=]*\d)(?=[A-Za-z0-9_+/=]*[A-Za-z])[A-Za-z0-9_+=]{32,}(?![\w-])"), "<secret>"),
)
WITHHELD = "<withheld>"


def masked(text: str) -> str:
    """`text` without anything that looks like an e-mail address, an IBAN, a capability link or a secret."""
    for pattern, instead in _MASKS:
        text = pattern.sub(instead, text)
    return text


def redact(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor every line passes: see the module."""
    for name, value in fields.items():
        if name.startswith("_") or value is None or isinstance(value, (bool, int, float)):
            continue
        if name in ALLOWED or name.endswith(_SUFFIXES):
            fields[name] = masked(value if isinstance(value, str) else str(value))
        else:
            fields[name] = WITHHELD
    return fields


def _with_traceback(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """`exc_info` as masked text: where it happened and the error's type, and its message masked like any text."""
    info = fields.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        fields["exception"] = "".join(traceback.format_exception(error)).rstrip()
    return fields


def configure(level: str = "info", format: str = "console") -> None:
    """Send every log line of this process, the libraries' too, to standard error. `format` is "console" or "json"."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True), _with_traceback, redact,
    ]  # fmt: skip
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(), wrapper_class=structlog.stdlib.BoundLogger, cache_logger_on_first_use=False,
    )  # fmt: skip
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("httpx", "httpcore", "asyncio", "urllib3", "dramatiq"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def get_logger(name: str) -> Any:
    """A structlog logger: `log.warning("effect unknown", run=run_id, attempt=2)`."""
    return structlog.stdlib.get_logger(name)
