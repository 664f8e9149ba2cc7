from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from workers.providers import monsum
from workers.providers.monsum_requests import CUSTOMER_FIELDS, Completed, CustomerCreated, Done, Posted, Recipient
from workers.providers.service import AtMostOnce, Find, Idempotent, Service

CUSTOMER = SimpleNamespace(source="shop", id="1")
INVOICE = SimpleNamespace(source="shop", id="7")


def test_every_writing_service_is_in_the_table_with_an_effect_class():
    written = {value.name: value for value in vars(monsum).values() if isinstance(value, Service)}

    assert written == monsum.SERVICES
    assert all(isinstance(service.effect_class, Find | Idempotent | AtMostOnce) for service in written.values())


def test_every_service_of_the_reference_that_writes_is_a_row():
    documented = {
        *("customer.create", "customer.update", "customer.delete", "customer.addcredits", "customer.createsecurelink"),
        *("invoice.create", "invoice.update", "invoice.delete", "invoice.complete", "invoice.cancel", "invoice.sendbyemail"),
        *("invoice.sendbypost", "invoice.capture", "invoice.setpaid", "invoice.correctvat2020", "item.delete"),
        *("webhook.create", "webhook.delete"),
    }

    assert documented == set(monsum.SERVICES)


def test_an_email_cannot_be_read_back_and_a_letter_can():
    assert isinstance(monsum.send_by_email.effect_class, AtMostOnce)
    assert isinstance(monsum.send_by_post.effect_class, Find)


def test_a_no_about_a_letter_counts_only_after_some_minutes():
    assert monsum.send_by_post.effect_class.no_counts_after_s >= timedelta(minutes=5).total_seconds()


@pytest.mark.parametrize("service", [monsum.create_customer, monsum.update_customer])
def test_writing_a_customer_suppresses_the_providers_own_mail(service):
    assert service.build(CUSTOMER, fields={"email": "a@example.com"}).data()["SUPPRESS_MAIL"] == "1"


def test_the_providers_own_mail_goes_out_only_where_it_is_asked_for_by_name():
    request = monsum.update_customer.build(CUSTOMER, fields={"email": "a@example.com"}, suppress_mail=False)

    assert "SUPPRESS_MAIL" not in request.data()


def test_x_attributes_are_written_as_a_list_of_key_and_value():
    request = monsum.update_customer.build(CUSTOMER, x_attributes={"x_tenant": "acme"}, known={})

    assert request.data()["X_ATTRIBUTES"] == [{"KEY": "x_tenant", "VALUE": "acme"}]


def test_x_attributes_are_added_to_the_known_ones_and_a_new_value_wins():
    request = monsum.update_customer.build(CUSTOMER, x_attributes={"x_late": "3"}, known={"x_tenant": "acme", "x_late": "2"})

    assert request.x_attributes == {"x_tenant": "acme", "x_late": "3"}


def test_x_attributes_are_not_written_by_whoever_does_not_say_what_is_known():
    with pytest.raises(TypeError, match="known="):
        monsum.update_customer.build(CUSTOMER, x_attributes={"x_late": "3"}, known=None)


def test_a_customer_is_updated_without_x_attributes_whatever_is_known():
    assert monsum.update_customer.build(CUSTOMER, fields={"city": "Bonn"}, known={"x_tenant": "acme"}).x_attributes is None


def test_a_customer_field_the_reference_does_not_have_is_refused():
    with pytest.raises(ValidationError, match="no field emial"):
        monsum.update_customer.build(CUSTOMER, fields={"emial": "a@example.com"})


def test_fields_only_a_read_has_cannot_be_written():
    assert not {"email_cc", "payment_mail_address", "credit_balance"} & CUSTOMER_FIELDS


@pytest.mark.parametrize("service", monsum.SERVICES.values(), ids=list(monsum.SERVICES))
def test_a_request_survives_the_ledgers_json_unchanged(service):
    said = {
        "invoice.sendbyemail": {"recipient": "a@example.com", "subject": "S", "message": "M", "receipt_confirmation": True},
        "invoice.create": {"items": [{"description": "A", "unit_price": "59.00", "vat_percent": "19"}], "invoice_date": "2026-11-20"},
        "invoice.cancel": {"description": "partly", "cancellation_amount": "1.50"},
        "customer.addcredits": {"amount": "1.50"},
        "webhook.create": {"endpoint": "https://example.com/x", "events": "customer.created"},
    }
    request = service.build(INVOICE, **said.get(service.name, {}))
    kept = service.request.model_validate_json(request.model_dump_json())

    assert kept == request and kept.data() == request.data()


def test_an_email_needs_a_recipient_a_subject_and_a_message():
    with pytest.raises(ValidationError):
        monsum.send_by_email.build(INVOICE, recipient="", subject="S", message="M")
    with pytest.raises(ValidationError):
        monsum.send_by_email.build(INVOICE, recipient="a@example.com", subject="", message="M")


def test_a_request_shows_no_recipient_and_no_text():
    shown = repr(monsum.send_by_email.build(INVOICE, recipient="a@example.com", subject="Subj", message="Mess"))

    assert all(secret not in shown for secret in ("a@example.com", "Subj", "Mess"))


def test_a_blank_copy_is_left_out_of_the_recipient():
    assert Recipient(to="a@example.com", bcc="b@example.com").data() == {"TO": "a@example.com", "BCC": "b@example.com"}


def test_the_credits_left_after_a_letter_are_a_number():
    assert Posted(status="success", remaining_credits="48").credits == 48
    assert Posted(status="success").credits is None


def test_completing_puts_number_and_type_on_the_mirror_and_names_the_number():
    reply = Completed.model_validate({"STATUS": "success", "INVOICE_NUMBER": "09/038"})

    assert monsum.complete.mirror(monsum.complete.build(INVOICE), reply) == ("invoice", "7", {"type": "outgoing", "number": "09/038"})
    assert monsum.complete.reference(reply) == "09/038"


def test_setting_paid_puts_a_zero_balance_on_the_mirror():
    kind, id, fields = monsum.set_paid.mirror(monsum.set_paid.build(INVOICE, paid_date="2026-11-20"), Done(status="success"))

    assert (kind, id, fields) == ("invoice", "7", {"status": "paid", "outstanding": "0", "paid_on": "2026-11-20"})


def test_only_a_whole_cancellation_is_put_on_the_mirror():
    whole, part = monsum.cancel.build(INVOICE), monsum.cancel.build(INVOICE, cancellation_amount=Decimal(1), description="x")

    assert monsum.cancel.mirror(whole, Done(status="success")) == ("invoice", "7", {"is_canceled": True})
    assert monsum.cancel.mirror(part, Done(status="success")) is None


def test_a_written_customer_is_put_on_the_mirror_by_canonical_names():
    said = {"fields": {"language_code": "DE", "email": "a@example.com"}, "x_attributes": {"x": "1"}, "known": {"y": "2"}}
    request = monsum.update_customer.build(CUSTOMER, **said)

    mirrored = monsum.update_customer.mirror(request, Done(status="success"))

    assert mirrored == ("customer", "1", {"language": "de", "email": "a@example.com", "x_attributes": {"x": "1", "y": "2"}})


def test_a_new_customer_is_known_by_the_id_in_the_reply():
    reply = CustomerCreated.model_validate({"STATUS": "success", "CUSTOMER_ID": 998898})

    assert monsum.create_customer.reference(reply) == "998898"
