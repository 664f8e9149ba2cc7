"""What an author gets wrong is said at import, with the file and the way out."""

from datetime import timedelta
from typing import Any

import pytest

from receiver.event import InvoiceCompleted
from workers.authoring import Approval, Budget, InvoicePaid, Paused, Read, Run, SendStopped, Slot, effect, monsum, workflow
from workers.errors import WorkflowInvalid
from workers.schedule import Daily, Every


def slot(i: Any, **said: Any) -> list[Slot]:
    return [Slot(i.source, i.id, "x")]


def one(*given: Any) -> Any:
    return 1


def one_only(doc: Any) -> str | None:
    return None


READ = Read(monsum.invoice, must=lambda *a, **k: None)


def test_a_decorated_function_stays_what_it_was() -> None:
    @workflow("t-plain", on=[InvoiceCompleted, Every("1h")])
    def plain(run: Run, event: Any) -> None:
        """A docstring."""

    assert plain.__doc__ == "A docstring."


@pytest.mark.parametrize("name", ["", "has blank", "under_score", "dot.ted"])
def test_a_name_is_letters_digits_and_dashes(name: str) -> None:
    with pytest.raises(WorkflowInvalid, match="letters, digits and dashes"):
        workflow(name, on=InvoiceCompleted)(lambda run, event: None)


@pytest.mark.parametrize("on", [str, "invoice.completed", Every, [InvoiceCompleted, 5]])
def test_a_trigger_is_an_event_or_a_schedule(on: Any) -> None:
    with pytest.raises(WorkflowInvalid, match="on= takes"):
        workflow("t-on", on=on)(lambda run, event: None)


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({"service": monsum.invoice}, "a writing service"),
        ({"slot": None}, "slot="),
        ({"fresh": None}, "fresh="),
        (
            {"fresh": Read(monsum.customer, must=lambda *a, **k: None)},
            r"changes one invoice, and fresh= reads one customer \(customer.get\)",
        ),
        ({"fresh": Read(monsum.invoice, must=one_only)}, "must= of Read takes a function"),
        ({"unless": (SendStopped,)}, "a tuple of States"),
        ({"unless": Paused}, "a tuple of States"),
        ({"unless": ("paused",)}, "a tuple of States"),
        ({"still": lambda connection, invoice: None}, "still= takes a function of a connection"),
        ({"spike_floor": lambda policy: 5}, "give both"),
        ({"budget": 5}, "budget= takes a Budget"),
        ({"budget": (Budget("a", limit=one), 5)}, "budget= takes a Budget"),
        ({"budget": Budget("", limit=one)}, "a budget's name"),
        ({"budget": Budget("a/b", limit=one)}, "a budget's name"),
        ({"budget": Budget("a", limit=5)}, 'limit= of budget "a" takes a function'),
        ({"budget": Budget("a", limit=one, window="year")}, 'window= of budget "a" takes "day", "week" or "month"'),
        ({"budget": Budget("a", limit=one, full="drop")}, 'full= of budget "a" takes "wait" or "cancel"'),
        ({"budget": Budget("a", limit=one, scope="customer")}, 'scope= of budget "a" takes a function'),
        ({"budget": Budget("a", limit=one, amount=5)}, 'amount= of budget "a" takes a function'),
        ({"budget": (Budget("a", limit=one), Budget("a", limit=one))}, "two budgets have one name"),
        ({"budget": Budget("daily_cap", limit=one)}, "may not be called"),
        ({"budget": Budget("a", limit=lambda: 5)}, 'limit= of budget "a" takes a function of the policy'),
        ({"budget": Budget("a", limit=-5)}, 'limit= of budget "a" takes a function of the policy'),
        (
            {"budget": Budget("a", limit=one, amount=lambda obj: None)},
            'amount= of budget "a" takes a function of the object and the request',
        ),
        ({"budget": Budget("a", limit=one, scope=lambda: "x")}, 'scope= of budget "a" takes a function of the object'),
        ({"daily_cap": 5}, "daily_cap= and spike_floor= take a function of the policy"),
        ({"daily_cap": one, "spike_floor": 5}, "daily_cap= and spike_floor= take a function of the policy"),
        ({"approval": True}, r"approval= takes Approval\(when=…\)"),
        ({"approval": Approval(when=True)}, "when= of an Approval takes a function"),
        (
            {"approval": Approval(when=lambda policy: True)},
            "when= of an Approval takes a function of the policy, the object and the request",
        ),
        ({"approval": Approval(when=one, life=72)}, "life= of an Approval takes a timedelta"),
        ({"approval": Approval(when=one, life=timedelta(0))}, "life= of an Approval takes a timedelta"),
        ({"approval": Approval(when=one, why="")}, "why= of an Approval takes a text"),
    ],
)
def test_an_effect_names_what_it_lacks(said: dict[str, Any], missing: str) -> None:
    given: dict[str, Any] = {"service": monsum.send_by_email, "slot": slot, "fresh": READ} | said
    with pytest.raises(WorkflowInvalid, match=f"{missing}.*test_authoring.py"):
        effect(given.pop("service"), **given)


@pytest.mark.parametrize("given", [SendStopped, ("invoice.deleted",), "invoice.deleted", (5,)])
def test_what_cancels_is_a_tuple_of_events(given: Any) -> None:
    with pytest.raises(WorkflowInvalid, match=r"cancel_on= takes a tuple.*test_authoring.py"):
        workflow("t-cancel", on=InvoiceCompleted, cancel_on=given)(lambda run, event: None)


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({"start": "each"}, 'start= takes "follow" or "one-per-key"'),
        ({"start": None}, "start= takes"),
        ({"kinds": "monsum"}, "kinds= takes a tuple of"),
        ({"kinds": ()}, "kinds= takes a tuple of"),
        ({"kinds": ("monsum", "paypal")}, "kinds= takes a tuple of .*autodns"),
        ({"only_new": "yes"}, "only_new= takes True or False"),
        ({"debounce": "30"}, "debounce= takes a whole span"),
        ({"debounce": "0s"}, "debounce= takes a whole span"),
        ({"debounce": timedelta(seconds=30)}, "debounce= takes a whole span"),
        ({"debounce": "8d"}, 'debounce= takes a whole span .* at most "7d"'),
        ({"debounce": "999999999999d"}, "debounce= takes a whole span"),
        ({"debounce": "30s", "on": Every("15m")}, "debounce= waits for quiet after events and a schedule has none"),
        ({"debounce": "30s", "on": (InvoiceCompleted, Daily("09:00"))}, "debounce= waits for quiet after events"),
        ({"about": "invoice"}, 'about= takes "object" or "customer"'),
        ({"key": "customer"}, "key= takes a function of the event"),
        ({"key": lambda: "k"}, "key= takes a function of the event"),
    ],
)
def test_how_a_workflow_starts_is_refused_with_its_name_and_file(said: dict[str, Any], missing: str) -> None:
    with pytest.raises(WorkflowInvalid, match=rf"\"t-start\": {missing}.*test_authoring.py"):
        workflow("t-start", **({"on": InvoiceCompleted} | said))(lambda run, event: None)


def test_an_effect_that_is_refused_names_its_file() -> None:
    with pytest.raises(WorkflowInvalid, match=r"slot= takes a function.*test_authoring.py"):
        effect(monsum.send_by_email)


def test_a_whole_effect_is_accepted() -> None:
    made = effect(monsum.send_by_email, slot=slot, fresh=READ, unless=(InvoicePaid,), touches=("shipment",))

    assert (made.service, made.unless, made.touches) == (monsum.send_by_email, (InvoicePaid,), ("shipment",))
