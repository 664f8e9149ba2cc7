"""Whatever bytes, headers and paths arrive, the door answers below 500, and what it takes it can show again."""

import asyncio
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.errors import PayloadInvalid
from receiver.sources.document import read_head, read_object
from tests.receiver.kit import BASIC, JSON, Answer, Asked, payload, settings_of, with_door

NAMES = st.sampled_from(["id", "type", "customer", "invoice", "created", "x"]) | st.text(max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=6)
WHOLE = payload("invoice.created")


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Random bytes, random JSON with NaN and lone surrogates, and a real notification with a few bytes changed."""
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return draw(st.binary(max_size=200))
    if kind == 1 and draw(st.booleans()):
        return json.dumps({**draw(OBJECTS), "id": draw(st.integers(0, 10**9)), "type": "a.b"}, allow_nan=True).encode()
    if kind == 1:
        return json.dumps(draw(OBJECTS), ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if kind == 2:
        inner = ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=5)))
        return f"{{{inner}}}".encode("utf-8", "surrogatepass")
    changed = bytearray(WHOLE)
    for place, byte in draw(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=4)):
        changed[place] = byte
    return bytes(changed[: draw(st.integers(0, len(WHOLE)))])


NAMED = ["content-type", "authorization", "content-length", "content-encoding", "webhook-id", "webhook-timestamp", "webhook-signature"]
SAID = [JSON[1], BASIC[1], b"v1,", b"v1,AAAA", b"v0,x v2,y", b"1763712000", b"-1", b"1e9", b"\xd9\xa1"]
HEADERS = st.lists(st.tuples(st.sampled_from(NAMED).map(str.encode), st.binary(max_size=30) | st.sampled_from(SAID)), max_size=8)


def test_no_input_is_ever_answered_with_a_5xx(sqlite_url: str) -> None:
    seen: list[Answer] = []

    async def talk(asked: Asked) -> None:
        loop = asyncio.get_running_loop()

        @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
        @given(
            body=bodies(),
            headers=HEADERS,
            proved=st.booleans(),
            path=st.sampled_from(["shop", "shop", "shop", "core/x", "mail", "mail/x", "shop/", "é", "shop/\ud800"]),
        )
        def look(body: bytes, headers: list[tuple[bytes, bytes]], proved: bool, path: str) -> None:
            all_headers = [JSON, BASIC] if proved else headers
            answer = asyncio.run_coroutine_threadsafe(asked.post(f"/webhooks/{path}", body, all_headers), loop).result(20)
            seen.append(answer)
            assert 200 <= answer.status < 500, (answer, body)
            assert json.loads(answer.body)

        await asyncio.to_thread(look)

    with_door(settings_of(sqlite_url, "store_timeout_s = 20"), talk)

    assert {200, 400, 401, 404} <= {answer.status for answer in seen}


@settings(max_examples=300, deadline=None)
@given(body=bodies())
def test_the_cheap_reading_takes_nothing_whose_outermost_object_the_full_one_would_read_otherwise(body: bytes) -> None:
    try:
        whole = read_object(body)
    except PayloadInvalid:
        return

    members = read_head(body)

    assert set(members) == set(whole)
