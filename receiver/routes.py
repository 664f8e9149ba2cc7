"""What else the receiver answers: /healthz, /readyz and /metrics.

`/healthz` says that the process and its writer thread live; `/readyz` that a delivery would be kept now: the schema is ours and a
commit came back just now, or a round trip through the writer does.
"""

import time

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from receiver.commit import GroupCommit
from receiver.door import Door
from receiver.errors import StoreUnavailable
from receiver.metrics import exposition

RECENT_S = 5.0


def routes(door: Door, commit: GroupCommit) -> list[Route]:
    """The routes behind the door."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok" if commit.alive else "writer stopped"}, status_code=200 if commit.alive else 503)

    async def readyz(_request: Request) -> Response:
        if not door.open:
            return JSONResponse({"status": "schema outdated", "do": "billhook migrate"}, status_code=503)
        try:
            if time.monotonic() - commit.committed_at > RECENT_S:
                await commit.probe()
        except StoreUnavailable:
            return JSONResponse({"status": "database unavailable"}, status_code=503)
        return JSONResponse({"status": "ready"})

    async def metrics(_request: Request) -> Response:
        content, media = exposition()
        return Response(content, headers={"content-type": media})

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
