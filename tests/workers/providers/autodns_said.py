"""What AutoDNS answers, as a test says it; and a client that hears it."""

import json
from typing import Any

from tests.receiver.sources.autodns_samples import recorded
from tests.workers.providers.qvickly_said import Said
from workers.providers.autodns_client import AutodnsClient
from workers.providers.bundle import make_autodns
from workers.providers.http import Answer

CUSTOMER: dict[str, Any] = json.loads(recorded("customer.json"))


def answer(said: Any, status: int = 200) -> Answer:
    return Answer(status=status, body=said if isinstance(said, bytes) else json.dumps(said).encode())


def data(*rows: Any, type: str = "SUCCESS", object: Any = None) -> Answer:
    """A good answer with these rows."""
    status = {"code": "S0001", "text": "ok", "type": type}
    return answer({"stid": "20261120-app1-1", "status": status, "object": object or {}, "data": list(rows)})


def sample(name: str, status: int = 200) -> Answer:
    return Answer(status=status, body=recorded(name))


def client(said: Said, **more: Any) -> AutodnsClient:
    return make_autodns("nic", None, "reseller", "k3y-of-the-test", "Europe/Berlin", ["EUR"], said, **more)
