"""A transport that answers what a test says, and keeps what it was asked."""

from collections.abc import Callable
from typing import Any

from receiver.sources.php_json import encode
from workers.providers.bundle import make_qvickly
from workers.providers.http import Answer, Ask
from workers.providers.qvickly_client import QvicklyClient

KEY = "qvickly-test-key-000000000001"


class Said:
    """Answers one after another; the last one again and again. An error is raised."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[Ask] = []

    def send(self, ask: Ask, *, before_write: Callable[[], None] | None = None, started: float | None = None) -> Answer:
        self.asked.append(ask)
        if before_write is not None:
            before_write()
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def answer(said: Any, status: int = 200) -> Answer:
    body = said if isinstance(said, bytes) else encode(said).encode()
    return Answer(status=status, body=body)


def data(said: Any) -> Answer:
    """A good answer of the Payment API."""
    return answer({"credentials": {"hash": "x"}, "data": said})


TOKEN = answer({"token": "jwt-1"})


def client(said: Said, *, portal: bool = True, currencies: tuple[str, ...] = ("SEK",), test: bool = False) -> QvicklyClient:
    login = ("user", "password") if portal else None
    return make_qvickly("pay", None, "17882", KEY, "Europe/Stockholm", currencies, said, portal=login, test=test)
