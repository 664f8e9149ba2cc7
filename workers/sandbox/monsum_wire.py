"""The simulated Monsum or FastBill on HTTP: POST /api/1.0/api.php speaks like the provider, /documents/ has its documents."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workers.sandbox.core import MonsumSandbox
from workers.sandbox.felt import BODY_MAX, felt
from workers.sandbox.transport import basic_credentials

XML_ERROR = {
    "REQUEST": {"SERVICE": ""},
    "RESPONSE": {"ERRORS": ["billhook's sandbox speaks JSON only: send Content-Type application/json"]},
}


def monsum_routes(sandbox: MonsumSandbox, wake: Callable[[], None]) -> list[Route]:
    """The provider's addresses; `wake` is called after each call, for something may be due."""

    async def api(request: Request) -> Response:
        if "json" not in request.headers.get("content-type", "application/json").lower():
            return JSONResponse(XML_ERROR, status_code=415)
        body = await request.body()
        if len(body) > BODY_MAX:
            return Response(status_code=413)
        reply = sandbox.handle(body, basic_credentials(request.headers.get("authorization", "")))
        wake()
        return await felt(reply)

    async def document(request: Request) -> Response:
        body = sandbox.document(request.path_params["name"].removesuffix(".pdf"))
        return Response(status_code=404) if body is None else Response(body, media_type="application/pdf")

    return [Route("/api/1.0/api.php", api, methods=["POST"]), Route("/documents/{name}", document, methods=["GET"])]
