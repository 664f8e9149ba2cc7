"""Whatever waits for a person names whom it is about, what is known, and the commands that move it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.workers.letters import effect_row, mail
from tests.workers.test_story import lines, unknown
from workers import breaker, desk
from workers.authoring import InvoiceCompleted, Run, workflow
from workers.testing.flow import START, Flow
from workers.views import VIEWS


@workflow("t-held", on=InvoiceCompleted)
def held(run: Run, event: InvoiceCompleted) -> None:
    """Tells people and waits."""
    run.task("ask", "no_email", customer=event.customer_id)
    run.alert("tell", "unmapped_channel", delivery_method="fax")
    run.sleep_until(event.at.replace(year=event.at.year + 1))


@workflow("t-bug", on=InvoiceCompleted)
def bug(run: Run, event: InvoiceCompleted) -> None:
    """Fails."""
    raise RuntimeError


@pytest.fixture
def flow(request: pytest.FixtureRequest) -> Iterator[Flow]:
    with Flow(*getattr(request, "param", (mail,))) as flow:
        yield flow


def rows(flow: Flow, view: str) -> list[dict[str, Any]]:
    with flow.db.read() as connection:
        return VIEWS[view].rows(connection, {}, 50)


def one(flow: Flow, view: str, id: Any) -> dict[str, Any]:
    with flow.db.read() as connection:
        found = VIEWS[view].one(connection, str(id))
    assert found is not None
    return found


def test_an_unknown_effect_names_its_invoice_its_mail_and_both_answers(flow: Flow) -> None:
    id = unknown(flow)
    effect = effect_row(flow)

    (item,) = rows(flow, "parked")
    (told,) = lines(flow, id, "parked")

    assert (item["invoice_id"], item["customer_id"]) == (effect["object_id"], effect["customer_id"])
    assert "by e-mail to max@example.com" in item["known"] and "asked 2026-11-20 09:05 UTC" in item["known"]
    assert item["acts"] == [f"billhook resolve {id} did", f"billhook resolve {id} did-not"]
    assert told.acts == item["acts"] == one(flow, "parked", item["id"])["acts"] == one(flow, "effects", id)["acts"]
    assert one(flow, "runs", effect["run_id"])["acts"] == item["acts"]
    assert rows(flow, "runs")[0]["reason"] == f"nobody knows whether it happened: `billhook resolve {id} did` or `did-not`"
    flow.order("resolve", id, did=True)
    assert lines(flow, id, "parked")[0].acts == []


def test_an_approval_names_what_would_be_sent_and_the_two_answers() -> None:
    with Flow(mail, mode="propose") as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)

        (row,) = rows(flow, "approvals")
        (told,) = lines(flow, row["id"], "effect")

        assert "max@example.com" in row["known"] and " EUR" in row["known"]
        assert row["acts"] == told.acts == [f"billhook approve {row['id']}", f"billhook reject {row['id']} --reason TEXT"]
        assert "request" not in row


@pytest.mark.parametrize("flow", [(bug,)], indirect=True)
def test_a_parked_run_is_retried_or_closed(flow: Flow) -> None:
    flow.trigger("invoice.completed")
    flow.advance(hours=1)

    (item,) = rows(flow, "parked")

    assert item["acts"] == [f"billhook retry {item['run_id']}", f"billhook close {item['id']} --reason TEXT"]
    assert "t-bug" in item["known"] and "Traceback" not in item["known"] and item["invoice_id"]


def test_a_delivery_that_cannot_be_read_is_shown_retried_or_closed_and_a_variant_is_not_retried(flow: Flow) -> None:
    flow.deliver(b'{"id": "1", "type": "invoice.created", "invoice": []}')
    (item,) = rows(flow, "parked")
    variant = {**item, "kind": "variant"}

    with flow.db.read() as connection:
        from_variant = VIEWS["parked"].more(connection, [variant])[0]  # type: ignore[misc]

    assert item["acts"] == [
        f"billhook deliveries show {item['delivery_id']}", f"billhook retry {item['id']}", f"billhook close {item['id']} --reason TEXT",
    ]  # fmt: skip
    assert item["known"].startswith("invoice.created 1, received ")
    assert not [act for act in from_variant["acts"] if "retry" in act]


@pytest.mark.parametrize("flow", [(held,)], indirect=True)
def test_a_held_run_is_told_of_in_runs_and_looks_again_on_a_signal(flow: Flow) -> None:
    flow.trigger("invoice.completed")
    (run,) = rows(flow, "runs")
    (task,), (alert,) = rows(flow, "tasks"), rows(flow, "alerts")
    again = f"billhook signal look.again --source shop --set invoice_id={run['invoice_id']}"

    assert run["told"] == "task no_email, alert unmapped_channel"
    assert (task["customer_id"], task["acts"]) == (run["customer_id"], [again, f"billhook close task:{task['id']} --reason TEXT"])
    seen = [f"billhook {act} alert:{alert['id']}" for act in ("acknowledge", "ignore", "close")]
    assert (alert["known"], alert["acts"]) == ("delivery_method fax", [again, *seen])
    flow.order("close", f"task:{task['id']}", actor="ada")
    assert rows(flow, "runs")[0]["told"] == "alert unmapped_channel"


def test_the_alert_of_an_open_breaker_offers_to_try_and_not_to_close_it(flow: Flow) -> None:
    flow.db.write(lambda c: [breaker.failed(c, "shop", "status", at=START) for _ in range(3)])

    (row,) = rows(flow, "alerts")

    assert row["acts"][:2] == ["billhook breaker shop --probe", "billhook doctor"]
    assert not any(act.startswith("billhook close") for act in row["acts"])


@pytest.mark.parametrize(
    ("subject", "reason", "detail", "known", "act"),
    [
        ("shop/auto-send", "spike_stop", {"today": 900}, "today 900", "billhook resume --source shop --workflow auto-send"),
        ("shop", desk.UNREADABLE, {"tries": 5, "why": "read_failed: status 503"}, "answers 503 instead of data", "billhook doctor"),
        ("shop/4711", "invoice_missing", {"invoice": "4711"}, "invoice 4711", "billhook invoices shop get 4711"),
        ("shop", desk.UNREADABLE, {"why": "read_failed: credentials"}, "correct BILLHOOK_API_SHOP_USER", "billhook doctor"),
        ("ledger", "restored", {"why": "7 is missing"}, "7 is missing", "billhook unfreeze --yes --reason TEXT"),
    ],
)
def test_an_alert_tells_its_values_and_what_moves_it(
    flow: Flow, subject: str, reason: str, detail: dict[str, Any], known: str, act: str
) -> None:
    flow.db.write(lambda c: desk.alert(c, source="shop", subject=subject, reason=reason, at=START, detail=detail))

    (row,) = rows(flow, "alerts")

    assert known in row["known"]
    assert act in row["acts"] and f"billhook close alert:{row['id']}" in row["acts"]


def test_what_a_workflow_asks_about_a_sent_invoice_may_be_answered_by_sending_again(flow: Flow) -> None:
    flow.trigger("invoice.completed")
    flow.advance(minutes=6)
    effect = effect_row(flow)
    said = {"invoice": effect["object_id"], "sent_version": "v1"}
    flow.db.write(
        lambda c: desk.park(
            c, kind="changed_after_send", source="shop", subject="shop/x", reason="r", at=START, run_id=effect["run_id"], detail=said
        )
    )

    (item,) = rows(flow, "parked")

    assert item["acts"] == [f"billhook resend {effect['id']} --reason TEXT", f"billhook close {item['id']} --reason TEXT"]
