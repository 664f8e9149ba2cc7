import dataclasses
import re
from datetime import timedelta

import pytest

from workers.providers import bundle
from workers.providers.monsum_requests import CustomerCreated, Done, OneInvoice
from workers.providers.service import MASKED, AtMostOnce, Find, Idempotent, Look, Service, no_mirror, no_reference


def service(effect_class):
    return Service(
        name="invoice.act",
        kinds=frozenset({"monsum"}),
        request=OneInvoice,
        reply=Done,
        effect_class=effect_class,
        build=lambda obj: OneInvoice(invoice_id=obj.id),
    )


@pytest.mark.parametrize("nothing", [None, AtMostOnce, "at_most_once"])
def test_a_writing_service_without_an_effect_class_cannot_be_declared(nothing):
    with pytest.raises(TypeError, match=r"invoice\.act"):
        service(nothing)


@pytest.mark.parametrize("declared", [Find(lambda *_: Look(found=None)), Idempotent(timedelta(hours=1)), AtMostOnce()])
def test_each_effect_class_can_be_declared(declared):
    assert service(declared).effect_class is declared


def test_a_service_says_nothing_about_the_mirror_unless_its_row_does():
    assert no_mirror(None, None) is None and no_reference(None) is None


def test_a_secret_of_a_reply_is_masked_where_it_is_kept_and_what_was_not_said_stays_empty():
    secret = dataclasses.replace(service(AtMostOnce()), reply=CustomerCreated, secret=("hash",))

    assert secret.shown(CustomerCreated(status="success", customer_id="1", hash="4f")) == (
        {"status": "success", "customer_id": "1", "hash": MASKED}
    )
    assert secret.shown(CustomerCreated(status="success", customer_id="1"))["hash"] is None


def test_a_secret_the_reply_has_not_cannot_be_declared():
    with pytest.raises(TypeError, match="hsah"):
        dataclasses.replace(service(AtMostOnce()), reply=CustomerCreated, secret=("hsah",))


@pytest.mark.parametrize("kind", sorted(bundle.KINDS))
def test_every_field_of_a_reply_that_sounds_like_access_is_secret(kind):
    sounds = [
        (service.name, name)
        for service in bundle.KINDS[kind].services.values()
        for name in service.reply.model_fields
        if re.search("url|link|hash|token|password|secret|key", name) and name not in service.secret
    ]

    assert sounds == []
