"""What the door is measured against: a bare Starlette endpoint that reads the body and answers, on the receiver's own server."""

import os
import socket

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from receiver.__main__ import server
from receiver.settings import ReceiverSettings


async def hook(request: Request) -> JSONResponse:
    await request.body()
    return JSONResponse({"receipt": "1", "repeat": False})


async def ready(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ready"})


if __name__ == "__main__":
    app = Starlette(routes=[Route("/webhooks/{source}", hook, methods=["POST"]), Route("/readyz", ready)])
    listening = socket.create_server((os.environ["BILLHOOK_HOST"], int(os.environ["BILLHOOK_PORT"])), backlog=2048)
    server(app, ReceiverSettings()).run(sockets=[listening])  # type: ignore[arg-type]
