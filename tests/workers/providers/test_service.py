from datetime import timedelta

import pytest

from workers.providers.monsum_requests import Done, OneInvoice
from workers.providers.service import AtMostOnce, Find, Idempotent, Look, Service, no_mirror, no_reference


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
