"""Metrics: the names and meanings of what every role counts, in one Prometheus registry.

Labels are source names, causes and states from closed lists; never an id, an address or anything a sender chose.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

REGISTRY = CollectorRegistry()

ACCEPTED = Counter("billhook_deliveries_accepted", "Deliveries answered 2xx after their commit", ["source", "repeat"], registry=REGISTRY)
REFUSED = Counter("billhook_requests_refused", "Requests the door did not take", ["source", "cause"], registry=REGISTRY)
REFUSALS_DROPPED = Counter("billhook_refusals_not_kept", "Refusals counted but not kept: sampled or over the cap", registry=REGISTRY)
QUEUE_LENGTH = Gauge("billhook_door_queue_length", "Accepted bodies waiting for their commit", registry=REGISTRY)
BATCH_ROWS = Histogram(
    "billhook_door_batch_rows", "Deliveries per commit", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512), registry=REGISTRY
)
COMMIT_SECONDS = Histogram(
    "billhook_door_commit_seconds", "From taking a batch to its commit",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5), registry=REGISTRY,
)  # fmt: skip
SECRET_USED = Counter("billhook_door_secret_used", "Which live secret proved it, 0 the first", ["source", "index"], registry=REGISTRY)
HINTS_SENT = Counter("billhook_hints_sent", "Hints handed to Redis", registry=REGISTRY)
HINTS_DROPPED = Counter("billhook_hints_dropped", "Hints dropped because Redis was away or slow", registry=REGISTRY)


def exposition() -> tuple[bytes, str]:
    """All metrics as Prometheus text, with its content type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
