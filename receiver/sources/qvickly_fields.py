"""A Qvickly customer's fields: by which name each is mirrored, which only the provider may set, and which we leave alone.

Owns the table docs/providers/qvickly.md is made from. Pure. The Portal API and getCustomersByName give the same record; the one has
numbers where the other has text, and "" where there is nothing.
Source: "customers" of the Qvickly Portal API, 13 September 2024; topic getCustomersByName, read 2026-11-21.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from receiver.sources import canonical as c

ID = "mexcParamvaluesetsid"


class Field(NamedTuple):
    """One field. `mirrored`: its canonical name, None where it is ignored. `written`: we may set it. `extra`: not in the reference."""

    native: str
    mirrored: str | None
    written: bool = True
    extra: bool = False
    why: str = ""


_INTERNAL = "an id inside the provider"
_OPAQUE = "what it means is not documented"
_NAMED = {
    "customerid": "number", "name": "name", "address": "address", "postcode": "zipcode", "postoffice": "city", "countrycode": "country",
    "telephone": "phone", "deliveryaddress": "delivery_address", "deliverypostcode": "delivery_zipcode",
    "deliverypostoffice": "delivery_city", "companyno": "company_number", "vatregno": "vat_id", "paymentterms": "payment_terms",
    "handlingcharge": "handling_charge", "reversetax": "reverse_tax", "country": "country_name", "creditlimit": "credit_limit",
    "customertypecode": "type_code", "deliveryterms": "delivery_terms", "deliverymethod": "delivery_method",
    "deliveryname": "delivery_name", "deliveryaddress2": "delivery_address_2", "deliverycountrycode": "delivery_country",
    "deliverycountry": "delivery_country_name", "name2": "name_2", "address2": "address_2",
    "propertydesignation": "property_designation", "housingassociationregno": "housing_association_number", "glncode": "gln",
    "pricelist": "price_list", "crediflowPartyId": "crediflow_party_id",
}  # fmt: skip
_SAME = (
    "state", "fax", "mobile", "email", "reference", "rebate", "currency", "language", "reference_order", "email_order", "reference_offer",
    "email_offer", "notes",
)  # fmt: skip
_LEFT = dict.fromkeys(("export", "profile", "status", "statuslog", "longitude", "latitude", "origin"), _OPAQUE)
_ORDER = (
    "mexcParamvaluesetsid date customerid name address postcode postoffice state countrycode telephone fax mobile deliveryaddress "
    "deliverypostcode deliverypostoffice email reference companyno vatregno paymentterms rebate currency language export handlingcharge "
    "reversetax mexcModulesid mm3servicesid country creditlimit customertypecode deliveryterms deliverymethod deliveryname "
    "deliveryaddress2 deliverycountrycode deliverycountry profile name2 address2 propertydesignation housingassociationregno status "
    "statuslog longitude latitude glncode reference_order email_order reference_offer email_offer notes origin pricelist crediflowPartyId"
)
_BY_PROVIDER = {
    ID: Field(ID, "id", written=False),
    "date": Field("date", "created", written=False),
    "mexcModulesid": Field("mexcModulesid", None, written=False, why=_INTERNAL),
    "mm3servicesid": Field("mm3servicesid", None, written=False, why=_INTERNAL),
}
_UNLISTED = "internalCreditLimit internalRegressLimit sendByPostOnly dontSendEFaktura"


def _field(name: str) -> Field:
    mirrored = _NAMED.get(name, name if name in _SAME else None)
    return _BY_PROVIDER.get(name) or Field(name, mirrored, why=_LEFT.get(name, ""))


CUSTOMER = tuple(_field(name) for name in _ORDER.split())
UNLISTED = tuple(Field(name, None, written=False, extra=True, why="only getCustomersByName has it") for name in _UNLISTED.split())
WRITTEN = frozenset(field.native for field in CUSTOMER if field.written)
_CODES = ("country", "delivery_country", "currency")


def customer_fields(record: Mapping[str, Any]) -> dict[str, Any]:
    """Canonical fields of a record; what it does not say is absent, "" is None."""
    said = {field.mirrored: record[field.native] for field in CUSTOMER if field.mirrored and field.native in record and field.native != ID}
    return {name: _code(value) if name in _CODES else c.text(value) for name, value in said.items()}


def _code(value: Any) -> str | None:
    return None if (shown := c.text(value)) is None else shown.upper()
