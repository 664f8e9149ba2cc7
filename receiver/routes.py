"""What else the receiver answers: /healthz, /readyz and /metrics.

`/healthz` says that the process and its writer thread live; `/readyz` that a delivery would be kept now: the schema is ours and the
last commit came back, just now, or one on trial does; it names the database by Database.identity. `/metrics` is for this machine, and
for who knows the token: the door is public, and how much business passes it is not.
"""

from collections.abc import Callable
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from receiver.commit import GroupCommit
from receiver.door import Door
from receiver.errors import StoreUnavailable
from receiver.metrics import exposition
from receiver.signing import digest, matching


def routes(door: Door, commit: GroupCommit, metrics_token: str | None, identity: Callable[[], str]) -> list[Route]:
    """The routes behind the door. `identity` is the database's. Without a token only this machine reads the metrics."""
    tokens = [digest(f"Bearer {metrics_token}".encode())] if metrics_token is not None else []

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok" if commit.alive else "writer stopped"}, status_code=200 if commit.alive else 503)

    async def readyz(_request: Request) -> Response:
        if not door.open:
            return JSONResponse({"status": "schema outdated", "do": "billhook migrate"}, status_code=503)
        try:
            await commit.probe()
        except StoreUnavailable:
            return JSONResponse({"status": "the database takes nothing", "do": "billhook doctor"}, status_code=503)
        return JSONResponse({"status": "ready", "database": identity()})

    async def metrics(request: Request) -> Response:
        if not _from_here(request) and matching(request.headers.get("authorization", "").encode(), tokens) is None:
            return JSONResponse({"error": "credentials"}, status_code=401, headers={"www-authenticate": "Bearer"})
        content, media = exposition()
        return Response(content, headers={"content-type": media})

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


def _from_here(request: Request) -> bool:
    """Whether a program on this machine asks, and not a proxy for somebody else."""
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False
