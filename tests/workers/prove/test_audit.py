"""The audit: what a person put in force and nobody wrote down is named."""

from datetime import timedelta

from receiver.db import Database
from tests.workers.prove.stories import found, paid, remove
from workers import control
from workers.control import Audit


def test_a_mode_whose_line_in_the_audit_is_gone_is_named(database: Database) -> None:
    with paid(database) as flow:
        flow.set_mode("t-prove-pay", "propose")
        assert found(database) == []

        remove(database, Audit)

        name = f"control:mode:{flow.source}:t-prove-pay"
        assert (0, name, "operator set it, but the audit does not have it") in found(database)


def test_a_pause_of_the_machine_needs_no_line(database: Database) -> None:
    with paid(database) as flow:
        later = flow.clock.now + timedelta(hours=1)
        database.write(lambda c: control.put(c, "pause:shop:t-prove-pay", {"reason": "spike_stop"}, at=later))
        assert found(database) == []

        database.write(lambda c: control.put(c, "freeze", {"reason": "x"}, at=later, actor="eve"))

        assert found(database) == [(0, "control:freeze", "eve set it, but the audit does not have it")]
