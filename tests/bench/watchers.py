"""Those who watch a console, for tests/bench/watching.py: people with Now open, and what scrapes its metrics.

`python -m tests.bench.watchers HOST PORT PEOPLE CHARTS_S SCRAPE_S`, until it is told to stop. Bare sockets, so that watching costs the
machine little beside the console. Ends with 1 where the console sends somebody away.
"""

import asyncio
import sys


class SentAway(Exception):
    """The console answered something else than 200."""


async def get(host: str, port: int, path: str, person: str = "") -> int:
    """Ask once, or follow a stream to its end, as a proxy would for `person`; how many bytes came. Raises SentAway."""
    reader, writer = await asyncio.open_connection(host, port)
    whose = f"x-forwarded-user: {person}\r\n" if person else ""
    writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\n{whose}connection: close\r\n\r\n".encode())
    came, first = 0, b""
    while piece := await reader.read(65_536):
        came, first = came + len(piece), first or piece
    writer.close()
    if not first.startswith(b"HTTP/1.1 200"):
        raise SentAway(f"{path}: {first[:100]!r}")
    return came


async def stay(host: str, port: int, person: str) -> None:
    """One person's page: a stream that is opened again whenever it ends."""
    await get(host, port, "/", person)
    while True:
        await get(host, port, "/now/stream", person)


async def ask(host: str, port: int, path: str, every_s: float, after_s: float, person: str = "") -> None:
    """Ask the same thing again and again, first after a while."""
    await asyncio.sleep(after_s)
    while True:
        await get(host, port, path, person)
        await asyncio.sleep(every_s)


async def watch(host: str, port: int, people: int, charts_s: float, scrape_s: float) -> None:
    """Everybody at once; the charts of several people are spread over their minute, as they opened the page at different times."""
    async with asyncio.TaskGroup() as group:
        group.create_task(ask(host, port, "/metrics", scrape_s, 0.0))
        for place in range(people):
            group.create_task(stay(host, port, f"p{place}"))
            group.create_task(ask(host, port, "/now/charts?span=hour", charts_s, charts_s * place / people, f"p{place}"))


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(watch(given[0], int(given[1]), int(given[2]), float(given[3]), float(given[4])))
