"""Where the console listens."""

import pytest

from receiver.errors import SettingsInvalid
from workers.console.settings import ConsoleSettings
from workers.console.web.serve import address, listen


@pytest.mark.parametrize("said", ["eighty", "80a", "-1", "65536", "８０", "1e3"])
def test_a_port_that_is_none_is_named(said: str) -> None:
    with pytest.raises(SettingsInvalid, match="BILLHOOK_CONSOLE_PORT is no port"):
        listen(ConsoleSettings(), {"BILLHOOK_CONSOLE_PORT": said})


def test_the_environments_port_beats_the_files_and_is_told_as_a_url() -> None:
    with listen(ConsoleSettings(port=1), {"BILLHOOK_CONSOLE_PORT": "0"}) as listening:
        assert address(listening) == f"http://127.0.0.1:{listening.getsockname()[1]}"
