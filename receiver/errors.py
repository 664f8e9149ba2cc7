"""What went wrong, typed by what the caller may do now.

Owns every error of the door, the ground and the engine. A class says what to do next; context is in attributes,
never in the text of a message, and never quotes a value that came from outside.
"""


class BillhookError(Exception):
    """Something billhook can name.

    `context` holds ids and field names only: no bodies, addresses or secrets.
    """

    def __init__(self, message: str = "", /, **context: object) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])
        self.context = context

    def __str__(self) -> str:
        text = super().__str__()
        named = ", ".join(f"{name}={value}" for name, value in self.context.items() if value is not None)
        return f"{text} ({named})" if named else text


class Retryable(BillhookError):
    """Nothing was asked of the other side: ask again later.

    `retry_after_s` is the other side's wish in seconds, if it said one.
    """

    def __init__(self, message: str = "", /, *, retry_after_s: float | None = None, **context: object) -> None:
        super().__init__(message, **context)
        self.retry_after_s = retry_after_s


class Rejected(BillhookError):
    """The other side understood and said no: stop.

    `reasons` are its own words, as it sent them.
    """

    def __init__(self, message: str = "", /, *, reasons: tuple[str, ...] = (), **context: object) -> None:
        super().__init__(message, **context)
        self.reasons = reasons


class OutcomeUnknown(BillhookError):
    """It may have happened: look before you ask again."""


class Refused(BillhookError):
    """The door does not take this request. `status` is its HTTP answer, `cause` the code kept in the refusal list."""

    status = 400
    cause = "refused"

    def __init__(self, message: str = "", /, *, cause: str | None = None, **context: object) -> None:
        super().__init__(message, **context)
        self.cause = cause or type(self).cause


class SourceUnknown(Refused):
    """No source of this name is configured: compare the URL with `billhook doctor`."""

    status, cause = 404, "source_unknown"


class MethodRefused(Refused):
    """This source takes other methods: see the Allow header."""

    status, cause = 405, "method"


class CredentialsWrong(Refused):
    """The credentials of this request do not prove its sender."""

    status, cause = 401, "credentials"


class SignatureWrong(Refused):
    """The signature of this request does not prove its sender, or its time is out of tolerance."""

    status, cause = 401, "signature"


class BodyTooLarge(Refused):
    """The body is larger than this source may send."""

    status, cause = 413, "too_large"


class MediaTypeRefused(Refused):
    """The content type or content encoding is not one this source may send."""

    status, cause = 415, "media_type"


class PayloadInvalid(Refused):
    """The body is not what this source sends. `field` names the first place that is wrong; its value is not quoted."""

    status, cause = 400, "payload"

    def __init__(self, message: str = "", /, *, field: str, cause: str | None = None, **context: object) -> None:
        super().__init__(message, cause=cause, field=field, **context)
        self.field = field


class TooSlow(Refused):
    """The request did not arrive in time."""

    status, cause = 408, "too_slow"


class Overloaded(Refused):
    """The door's queue is full: the sender should come back after `retry_after_s`."""

    status, cause = 503, "overloaded"
    retry_after_s = 1


class StoreUnavailable(Refused):
    """The database did not take the delivery: the sender should come back after `retry_after_s`."""

    status, cause = 503, "store"
    retry_after_s = 1


class DoorFailed(Refused):
    """The door itself failed on this request: the sender should come back after `retry_after_s`. The log says where."""

    status, cause = 503, "failed"
    retry_after_s = 60


class SettingsInvalid(BillhookError):
    """The configuration cannot be used. The message names the setting, what is wrong and what to write instead."""


class NoConfiguration(SettingsInvalid):
    """There is no configuration at all, and none was named."""


class SchemaOutdated(BillhookError):
    """The database is not at this program's revision: run `billhook migrate`."""


class DatabaseBusy(BillhookError):
    """The database stayed locked longer than this caller may wait."""


class RowNotKept(BillhookError):
    """One delivery of a batch cannot be stored: its neighbours are written without it, its sender should come back."""
