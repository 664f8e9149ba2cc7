import json
from decimal import Decimal

import pytest

from tests.workers.sandbox.conftest import PAYLOADS
from workers.sandbox.shapes import german, php_json

LOGIN = ("me@example.com", "k3y")


def ask(sandbox, service, auth=LOGIN, **body):
    reply = sandbox.handle(json.dumps({"SERVICE": service, **body}).encode(), auth)
    return reply.status, json.loads(reply.body)


def response(sandbox, service, **body):
    status, said = ask(sandbox, service, **body)
    assert status == 200, said
    return said["RESPONSE"]


def recorded(name):
    return json.loads((PAYLOADS / name).read_bytes())


def types(record, names):
    return {name: type(record[name]) for name in names if name in record}


@pytest.mark.parametrize("auth", [None, ("me@example.com", "wrong"), ("", ""), ("wrong", "k3y")])
def test_a_wrong_login_gets_the_recorded_error_and_does_nothing(sandbox, auth):
    status, said = ask(sandbox, "customer.create", auth, DATA={"CUSTOMER_TYPE": "business", "ORGANIZATION": "X"})

    assert status == 401
    # The blanks inside the sentence were lost in the recording.
    expected = recorded("api_error.login.response.json")["RESPONSE"]["ERRORS"][0].replace(" ", "")
    assert said["RESPONSE"]["ERRORS"][0].replace(" ", "") == expected
    assert sandbox.account.customers == {}


def test_an_unknown_service_gets_the_recorded_error(sandbox):
    assert ask(sandbox, "getnewargs") == (400, recorded("api_error.unknown-service.response.json"))


def test_a_missing_field_gets_the_recorded_error(sandbox):
    status, said = ask(sandbox, "customer.create", DATA={"CUSTOMER_TYPE": "business"})

    assert (status, said["RESPONSE"]) == (400, recorded("api_error.customer.create.response.json")["RESPONSE"])


def test_deleting_nobody_gets_the_recorded_error(sandbox):
    status, said = ask(sandbox, "customer.delete", DATA={"CUSTOMER_ID": 42})

    assert (status, said["RESPONSE"]) == (400, recorded("api_error.customer.delete.response.json")["RESPONSE"])


BROKEN = [b"", b"[]", b"{", b"<FBAPI/>", b"[" * 100_000, b'{"SERVICE":1}', b'{"SERVICE":"invoice.get","LIMIT":"x"}']


@pytest.mark.parametrize("body", BROKEN)
def test_whatever_is_sent_is_answered_with_errors(sandbox, body):
    reply = sandbox.handle(body, LOGIN)

    assert reply.status == 400 and json.loads(reply.body)["RESPONSE"]["ERRORS"]


def test_ids_are_numbers_in_create_and_text_in_get(sandbox):
    made = response(sandbox, "customer.create", DATA={"CUSTOMER_TYPE": "business", "ORGANIZATION": "X"})
    read = response(sandbox, "customer.get", FILTER={"CUSTOMER_ID": made["CUSTOMER_ID"]})["CUSTOMERS"][0]

    assert set(made) == set(recorded("api_customer.create.response.json")["RESPONSE"])
    assert isinstance(made["CUSTOMER_ID"], int) and read["CUSTOMER_ID"] == str(made["CUSTOMER_ID"])


def test_a_customer_is_answered_with_the_recorded_names_and_types(sandbox):
    sandbox.trigger("customer.created")
    sample = recorded("api_customer.get.response.json")["RESPONSE"]["CUSTOMERS"][0]

    shown = response(sandbox, "customer.get")["CUSTOMERS"][0]

    common = set(sample) & set(shown) - {"CUSTOMER_EXT_UID"}
    assert types(shown, common) == types(sample, common)
    assert len(common) > 40
    assert shown["CREDIT_BALANCE"] == "0,00" and shown["X_ATTRIBUTES"] == "" and "PASSWORD" in shown


def test_an_invoice_is_answered_with_the_recorded_names_and_types(sandbox):
    sandbox.trigger("invoice.completed", {"total": "70.21"})
    sample = recorded("api_invoice.get.response.json")["RESPONSE"]["INVOICES"][0]

    shown = response(sandbox, "invoice.get")["INVOICES"][0]

    common = set(sample) & set(shown)
    assert types(shown, common) == types(sample, common) | {"SUB_TOTAL": int}
    assert shown["OUTSTANDING_AMOUNT"] == "70,21" and shown["TOTAL"] == 70.21 and shown["IS_CANCELED"] == "0"
    assert types(shown["ITEMS"][0], sample["ITEMS"][0])["UNIT_PRICE"] is str


def test_a_filter_that_is_not_known_is_ignored(sandbox):
    sandbox.trigger("customer.created")

    assert len(response(sandbox, "customer.get", FILTER={"CUSTOMER_UID": "1"})["CUSTOMERS"]) == 1


def test_what_is_not_found_is_an_empty_list(sandbox):
    assert response(sandbox, "customer.get", FILTER={"CUSTOMER_ID": "2973432"}) == {"CUSTOMERS": []}


def test_a_page_has_ten_records_unless_asked_and_never_more_than_a_hundred(sandbox):
    for _ in range(120):
        sandbox.trigger("customer.created")

    assert len(response(sandbox, "customer.get")["CUSTOMERS"]) == 10
    assert len(response(sandbox, "customer.get", LIMIT=5000)["CUSTOMERS"]) == 100
    assert len(response(sandbox, "customer.get", LIMIT=100, OFFSET=100)["CUSTOMERS"]) == 20


def test_invoices_are_found_by_a_list_of_ids_and_by_due_date(sandbox):
    ids = [sandbox.trigger("invoice.completed", {"due_date": f"2026-12-{day} 00:00:00"})["invoice_id"] for day in ("01", "02", "03")]

    def found(**filters):
        return [row["INVOICE_ID"] for row in response(sandbox, "invoice.get", FILTER=filters)["INVOICES"]]

    assert found(INVOICE_ID=[ids[0], int(ids[2])]) == [ids[0], ids[2]]
    assert found(START_DUE_DATE="2026-12-02") == ids[1:]
    assert found(END_DUE_DATE="2026-12-02", TYPE="outgoing") == ids[:2]
    assert found(YEAR=2026, MONTH=11) == ids


def test_the_echo_turns_numbers_into_text(sandbox):
    assert ask(sandbox, "customer.get", FILTER={"CUSTOMER_ID": 7})[1]["REQUEST"]["FILTER"] == {"CUSTOMER_ID": "7"}


def test_a_client_with_lower_case_keys_and_nulls_is_understood(sandbox):
    body = {"service": "customer.create", "limit": None, "offset": None, "filter": None}
    made = sandbox.handle(json.dumps(body | {"data": {"customer_type": "business", "organization": "X"}}).encode(), LOGIN)
    said = json.loads(made.body)

    assert (made.status, said["REQUEST"]["SERVICE"]) == (200, "customer.create")
    read = {"service": "customer.get", "filter": {"customer_id": said["RESPONSE"]["CUSTOMER_ID"]}, "data": None}
    assert json.loads(sandbox.handle(json.dumps(read).encode(), LOGIN).body)["RESPONSE"]["CUSTOMERS"][0]["ORGANIZATION"] == "X"


@pytest.mark.parametrize("items", [[{"unit_price": "40.00", "quantity": 10}], {"ITEM": [{"UNIT_PRICE": "40.00", "QUANTITY": "10"}]}])
def test_lines_are_taken_as_a_list_and_as_a_map(sandbox, items):
    customer = sandbox.trigger("customer.created")["customer_id"]

    id = response(sandbox, "invoice.create", DATA={"CUSTOMER_ID": customer, "ITEMS": items})["INVOICE_ID"]

    assert response(sandbox, "invoice.get", FILTER={"INVOICE_ID": id})["INVOICES"][0]["TOTAL"] == 476


def test_addcredits_answers_without_a_response_at_the_top(sandbox):
    customer = sandbox.trigger("customer.created")["customer_id"]

    status, said = ask(sandbox, "customer.addcredits", DATA={"CUSTOMER_ID": int(customer), "AMOUNT": 1.5})

    expected = recorded("api_customer.addcredits.response.json")
    expected["REQUEST"]["DATA"]["CUSTOMER_ID"] = customer
    assert (status, said) == (200, expected)
    assert sandbox.account.customers[customer]["CREDIT_BALANCE"] == Decimal("1.5")


def test_a_letter_costs_a_credit_and_leaves_a_shipment(sandbox):
    ids = sandbox.trigger("invoice.completed")

    said = response(sandbox, "invoice.sendbypost", DATA={"INVOICE_ID": ids["invoice_id"]})

    assert said == {"STATUS": "success", "REMAINING_CREDITS": "49"}
    assert response(sandbox, "invoice.get")["INVOICES"][0]["SHIPMENT"] == "1"
    assert [row["service"] for row in sandbox.sent] == ["invoice.sendbypost"]


def test_a_draft_cannot_be_sent_and_a_completed_invoice_not_completed_again(sandbox):
    draft = sandbox.trigger("invoice.created")["invoice_id"]
    data = {"INVOICE_ID": draft, "RECIPIENT": {"TO": "a@example.com"}, "SUBJECT": "S", "MESSAGE": "M"}

    assert ask(sandbox, "invoice.sendbyemail", DATA=data)[0] == 400
    response(sandbox, "invoice.complete", DATA={"INVOICE_ID": draft})
    assert ask(sandbox, "invoice.complete", DATA={"INVOICE_ID": draft})[0] == 400
    response(sandbox, "invoice.sendbyemail", DATA=data)
    assert [(row["invoice_id"], row["to"]) for row in sandbox.sent] == [(draft, "a@example.com")]


def test_updating_a_customer_mails_him_unless_told_not_to(sandbox):
    id = sandbox.trigger("customer.created")["customer_id"]

    response(sandbox, "customer.update", DATA={"CUSTOMER_ID": id, "CITY": "A", "SUPPRESS_MAIL": "1"})
    assert sandbox.sent == []
    response(sandbox, "customer.update", DATA={"CUSTOMER_ID": id, "CITY": "B"})
    assert [row["service"] for row in sandbox.sent] == ["customer.update"]


def test_fastbill_has_webhooks_and_no_credits(make_sandbox):
    fastbill = make_sandbox("fastbill")

    made = response(fastbill, "webhook.create", DATA={"TYPE": "url", "ENDPOINT": "http://x/", "EVENTS": "customer.created"})
    assert isinstance(made["WEBHOOK_ID"], int)
    assert response(fastbill, "webhook.get")["WEBHOOKS"][0]["WEBHOOK_ID"] == str(made["WEBHOOK_ID"])
    assert response(fastbill, "webhook.delete", DATA={"WEBHOOK_ID": made["WEBHOOK_ID"]}) == {"STATUS": "success"}
    assert ask(fastbill, "customer.addcredits", DATA={})[0] == 400


def test_every_call_is_logged_with_what_it_did(sandbox):
    ask(sandbox, "customer.get")
    ask(sandbox, "nonsense")

    assert [(call.service, call.acted, call.status) for call in sandbox.calls] == [("customer.get", True, 200), ("nonsense", False, 400)]


def test_json_is_escaped_and_numbered_as_php_does():
    assert php_json({"a/b": "ü", "n": Decimal("70.2100"), "z": Decimal("0.00"), "t": True, "l": [None]}) == (
        '{"a\\/b":"\\u00fc","n":70.21,"z":0,"t":true,"l":[null]}'
    )


def test_german_amounts_have_a_comma_and_dots():
    assert german(Decimal("1234567.5")) == "1.234.567,50"


def test_what_is_listed_late_is_shown_only_after_its_time(sandbox, clock):
    ids = sandbox.trigger("invoice.completed")
    sandbox.faults.add("late", "invoice.setpaid", seconds=60)
    ask(sandbox, "invoice.setpaid", DATA={"INVOICE_ID": ids["invoice_id"]})

    def shown():
        return response(sandbox, "invoice.get", FILTER={"INVOICE_ID": ids["invoice_id"]})["INVOICES"][0]["PAID_DATE"][:4]

    before = shown()
    clock.advance(seconds=61)

    assert (before, shown()) == ("0000", str(clock.now.year))


def test_it_can_be_put_back_to_what_it_was(sandbox):
    ids = sandbox.trigger("invoice.completed")
    sandbox.faults.add("drop", "invoice.setpaid")
    content, queued = sandbox.copied(), len(sandbox.drain())
    ask(sandbox, "invoice.setpaid", DATA={"INVOICE_ID": ids["invoice_id"]})
    ask(sandbox, "invoice.sendbyemail", DATA={"INVOICE_ID": ids["invoice_id"]})
    sandbox.trigger("invoice.created")

    sandbox.put_back(content)

    assert (sandbox.calls, sandbox.sent, len(sandbox.faults.planned)) == ([], [], 1)
    assert list(sandbox.account.invoices) == [ids["invoice_id"]]
    assert len(sandbox.drain()) == queued
    ask(sandbox, "invoice.complete", DATA={"INVOICE_ID": "1"})
    assert [call.service for call in sandbox.calls] == ["invoice.complete"]


@pytest.mark.parametrize(
    ("there", "act"),
    [("invoice.completed", "payment.reminded"), ("invoice.completed", "invoice.paid"), ("invoice.created", "invoice.deleted")],
)
def test_an_act_about_a_customer_falls_on_an_invoice_of_that_customer(sandbox, there, act):
    first, last = sandbox.trigger(there), sandbox.trigger(there)

    played = sandbox.trigger(act, {"customer_id": first["customer_id"]})

    assert first["customer_id"] != last["customer_id"]
    assert {name: played[name] for name in first} == first


def test_invoices_asked_for_by_id_come_once_each_and_unknown_ids_not_at_all(sandbox):
    first, second, _ = (sandbox.trigger("invoice.created")["invoice_id"] for _ in range(3))

    shown = response(sandbox, "invoice.get", FILTER={"INVOICE_ID": [second, first, "1", second]})["INVOICES"]
    other = response(sandbox, "invoice.get", FILTER={"INVOICE_ID": first, "CUSTOMER_ID": "1"})["INVOICES"]

    assert ([row["INVOICE_ID"] for row in shown], other) == ([second, first], [])
