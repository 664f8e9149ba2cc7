"""What of an environment the exposed process may see.

`billhook receiver` execs `python -m receiver` with this: the receiver's own settings and secrets, where to find programs and
how to write text and time. No provider's credential is on the list, and nothing that is not on the list passes.
"""

from collections.abc import Mapping

_NAMES = frozenset({
    "PATH", "LANG", "LANGUAGE", "TZ", "PYTHONPATH", "VIRTUAL_ENV",
    "BILLHOOK_CONFIG", "BILLHOOK_DATABASE", "BILLHOOK_DATABASE_FILE", "BILLHOOK_REDIS", "BILLHOOK_REDIS_FILE", "BILLHOOK_DATA_DIR",
    "BILLHOOK_SECRETS_DIR", "BILLHOOK_LOG_LEVEL", "BILLHOOK_LOG_FORMAT", "BILLHOOK_HOST", "BILLHOOK_PORT",
})  # fmt: skip
_PREFIXES = ("LC_", "BILLHOOK_DOOR_")


def receiver_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of `environ` the receiver process is started with."""
    return {name: value for name, value in environ.items() if name in _NAMES or name.startswith(_PREFIXES)}
