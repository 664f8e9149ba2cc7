"""`[billhook.notify]`: how people outside are told what waits for them. Read by the notifier; the addresses are a secret."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

URLS = "BILLHOOK_NOTIFY_URLS"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"  # where the tracer sends, by OpenTelemetry's own name


class NotifySettings(BaseModel):
    """`[billhook.notify]`. `console_url` is what a letter links to; an alert nobody acknowledged is told again after `again_hours`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    console_url: str = ""
    again_hours: Annotated[int, Field(ge=1, le=24 * 31)] = 24
