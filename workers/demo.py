"""The demo configuration: one source `sandbox`, everything switched on, secrets made here.

Written by `billhook up` where no configuration exists, below .billhook. Real sources keep the careful defaults of their own.
"""

import re
import secrets
from pathlib import Path

from workers.secretfiles import write_once

SOURCE = "sandbox"
CONFIG = Path(".billhook/demo.toml")
PLACE = Path(".billhook/demo")  # nothing of it is shared with a real account, whose default is .billhook itself
DATA, SECRETS = PLACE / "data", PLACE / "secrets"
_ADDRESS = r'(?m)^((?:base|portal|auth)_url\s*=\s*"http://(?:127\.0\.0\.1|localhost|\[::1\])):%d(?!\d)'

TOML = """\
# Written by `billhook up`: a demo without any provider. The source below talks to billhook's own sandbox.
# To start afresh, remove this file and .billhook/demo. To connect a real account, write a billhook.toml: see README.md.
[billhook]
database = "sqlite:///.billhook/demo/data/billhook.db"
data_dir = ".billhook/demo/data"
ledger_head_dir = ".billhook/demo/ledger-head"
secrets_dir = ".billhook/demo/secrets"

[source.sandbox]
kind = "monsum"
zone = "Europe/Berlin"
currencies = ["EUR"]

[source.sandbox.api]
sandbox = true
calls_per_minute = 60000         # a sandbox is in no hurry to say no
base_url = "http://127.0.0.1:8090/api/1.0/api.php"

# In the demo everything is sent at once. A real source begins with mode = "observe" and a hold.
[policy.auto-send]
mode = "auto"
hold_minutes = 0
email_window = "00:00-24:00"
post_window = "00:00-24:00"
channel_map = { mail = "email", email = "email", post = "post", none = "none" }
placeholder_domains = []         # the sandbox's customers live at example.com
"""


def write(base: Path = Path()) -> Path:
    """Create the demo's configuration and secrets where they are missing; the path of the configuration, relative to `base`."""
    for folder in (PLACE.parent, PLACE, SECRETS):
        (base / folder).mkdir(exist_ok=True, mode=0o700)
    for name, value in _secrets().items():
        write_once(base / SECRETS / name, value)
    write_once(base / CONFIG, TOML)
    return CONFIG


def is_demo(config: Path) -> bool:
    """Whether a configuration is the demo of the current directory."""
    return config.resolve() == CONFIG.resolve()


def move_sandbox(wanted: int, port: int, config: Path = CONFIG) -> None:
    """Note in the demo's configuration that what it has at port `wanted` of this machine listens on `port`."""
    text = config.read_text(encoding="utf-8")
    new = config.with_suffix(".new")
    new.write_text(re.sub(_ADDRESS % wanted, rf"\g<1>:{port}", text), encoding="utf-8")
    new.replace(config)


def _secrets() -> dict[str, str]:
    return {
        "BILLHOOK_DOOR_SANDBOX_PATH": secrets.token_hex(16),
        "BILLHOOK_API_SANDBOX_USER": "owner@demo.invalid",
        "BILLHOOK_API_SANDBOX_KEY": secrets.token_hex(16),
    }
