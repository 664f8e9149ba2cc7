from pathlib import Path

import pytest

from receiver.errors import SettingsInvalid
from tests.workers.sandbox.configured import configured
from workers.sandbox.places import sandboxes, servable


def test_every_source_marked_as_a_sandbox_listens_at_its_own_base_url(tmp_path: Path) -> None:
    chosen = configured(tmp_path)

    found = servable(chosen, sandboxes(chosen))

    assert {name: place.url for name, place in found.items()} == {
        "shop": "http://127.0.0.1:8090", "pay": "http://127.0.0.1:8090", "nic": "http://localhost:8091",
    }  # fmt: skip
    assert found["nic"].address == ("127.0.0.1", 8091)


def test_a_path_where_no_sandbox_answers_is_refused_with_the_right_one(tmp_path: Path) -> None:
    chosen = configured(tmp_path, "8090/qvickly", "8090/api")

    with pytest.raises(SettingsInvalid, match=r"source.pay.api.base_url must be http://127.0.0.1:8090/qvickly"):
        servable(chosen, ["pay"])


def test_two_sources_that_would_answer_at_one_address_are_refused(tmp_path: Path) -> None:
    chosen = configured(tmp_path, "[source.real]\nkind = \"fastbill\"", """[source.books]
kind = "fastbill"
[source.books.api]
sandbox = true
base_url = "http://localhost:8090/api/1.0/api.php\"""")  # fmt: skip

    with pytest.raises(SettingsInvalid, match=r"shop and books have one address: give source.books.api.base_url another port"):
        servable(chosen, sandboxes(chosen))
