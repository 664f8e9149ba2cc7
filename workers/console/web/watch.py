"""What watches the console: /healthz for everybody, /metrics for this machine and for who has its token.

`/healthz` says that the process answers, nothing else. The token of `/metrics` is BILLHOOK_CONSOLE_METRICS_TOKEN: it opens no page, and
an API token does not open the metrics.
"""

from prometheus_client import CollectorRegistry, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from receiver.metrics import exposition
from receiver.signing import digest, matching
from workers.addresses import is_here
from workers.console.gauges import Gauges

METRICS_TOKEN = "BILLHOOK_CONSOLE_METRICS_TOKEN"


def routes(metrics_token: str | None, header: str, gauges: Gauges) -> list[Route]:
    """The routes. `gauges` are what the database says.

    `header` is the one in which a proxy names people: who comes with it comes through a proxy.
    """
    own = CollectorRegistry(auto_describe=False)
    own.register(gauges)
    wanted = [digest(f"Bearer {metrics_token}".encode())] if metrics_token is not None else []

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def metrics(request: Request) -> Response:
        if not _from_here(request, header) and matching(request.headers.get("authorization", "").encode(), wanted) is None:
            return JSONResponse({"error": "credentials"}, 401, {"www-authenticate": "Bearer"})
        content, media = exposition()
        told = await run_in_threadpool(generate_latest, own)
        return Response(content + told, headers={"content-type": media})

    return [Route("/healthz", healthz), Route("/metrics", metrics)]


def _from_here(request: Request, header: str) -> bool:
    """Whether a program on this machine asks, and not a proxy for somebody else."""
    proxied = any(name in request.headers for name in ("x-forwarded-for", "forwarded", "via", "x-real-ip", header))
    return not proxied and request.client is not None and is_here(request.client.host)
