"""Pages that take a form: read it, then answer in a thread like every other page."""

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from receiver.db import keepable

FIELDS_MAX, FIELD_BYTES_MAX = 1_000, 65_536


def posted(page: Callable[[Request, FormData], Response]) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint for a plain page that takes its form as well; files are not taken."""

    async def endpoint(request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=FIELDS_MAX, max_part_size=FIELD_BYTES_MAX)
        said: list[tuple[str, str | UploadFile]] = [(name, keepable(value)) for name, value in form.multi_items() if isinstance(value, str)]
        return await run_in_threadpool(page, request, FormData(said))

    return endpoint
