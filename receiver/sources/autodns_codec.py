"""A BasicCustomer from JSON and XML, and to both.

Owns the two spellings: JSON has camelCase and plural names, XML snake_case and singular ones, repeats an element for a list, writes 0 and
1, has local times, and prints `country` as `county`. Pure; a mistake is named by its JSON name, its value never quoted.
Source: as autodns_customer.py; times without zone: tests/payloads/autodns/customer_info_response.xml.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

import msgspec
from pydantic import ValidationError
from pydantic.alias_generators import to_camel, to_snake

from receiver.errors import PayloadInvalid
from receiver.sources.autodns_customer import BasicCustomer, Part
from receiver.sources.autodns_xml import BODY_MAX, read_xml, write_xml
from receiver.sources.canonical import plain
from receiver.sources.document import read_object

FIELD_MAX = 128
# What XML calls otherwise than our name; of two the first is written, both are read.
XML_NAMES: Mapping[str, tuple[str, ...]] = {
    "address_lines": ("address",), "country": ("country", "county"), "emails": ("email",), "billing_emails": ("billing_email",),
    "contacts": ("contact",), "contracts": ("customer_contract",), "billing_users": ("billing",), "comments": ("comment",),
    "sepa": ("sepa_mandate",),
}  # fmt: skip
_TO_OURS = {theirs: ours for ours, names in XML_NAMES.items() for theirs in names}
_KNOWN = frozenset(BasicCustomer.model_fields) | frozenset(_TO_OURS)
_encoded = msgspec.json.Encoder(decimal_format="number")


def customer_of(record: Mapping[str, Any], *, zone: tzinfo = UTC) -> BasicCustomer:
    """The customer of a JSON record. Raises PayloadInvalid naming the first field that is wrong, by its JSON name."""
    try:
        return BasicCustomer.model_validate(dict(record), context={"zone": zone})
    except ValidationError as error:
        raise PayloadInvalid(field=_place(error)) from None


def record_of(customer: BasicCustomer) -> dict[str, Any]:
    """The customer as a JSON record; what it does not say is absent. Amounts are Decimals, instants as the provider writes them."""
    found: dict[str, Any] = _dumped(customer)
    return found


def from_json(body: bytes) -> BasicCustomer:
    """The customer of a JSON document. Raises PayloadInvalid."""
    if len(body) > BODY_MAX:
        raise PayloadInvalid(field="body", cause="too_large")
    return customer_of(read_object(body))


def to_json(customer: BasicCustomer) -> bytes:
    """A JSON document of the customer."""
    return _encoded.encode(record_of(customer))


def from_xml(body: bytes, *, zone: tzinfo = UTC) -> BasicCustomer:
    """The customer of a <customer>, alone or inside an answer or request. Raises PayloadInvalid naming the element."""
    name, value = read_xml(body)
    found = _within(name, value)
    if not isinstance(found, dict):
        raise PayloadInvalid(field="customer")
    return customer_of(record_in_xml(found), zone=zone)


def to_xml(customer: BasicCustomer, *, zone: tzinfo = UTC) -> bytes:
    """A <customer>: snake_case names, repeated elements, 0 and 1, local times of `zone`."""
    return write_xml("customer", _in_xml(customer, zone))


def record_in_xml(value: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON record of a customer's plain XML value. Raises PayloadInvalid where `country` and `county` differ, say."""
    record: dict[str, Any] = {}
    for name, inner in value.items():
        ours = to_camel(_TO_OURS.get(name, name))
        said = record_in_xml(inner) if ours == "persistent" and isinstance(inner, dict) else _camel(inner)
        if record.get(ours, said) != said:
            raise PayloadInvalid(field=ours, cause="said_twice")
        record[ours] = said
    return record


def _within(name: str, value: Any) -> Any:
    """What is inside the customer's own element, however it is wrapped."""
    for step in {"customer": (), "response": ("result", "data", "customer"), "request": ("task", "customer")}.get(name, ("customer",)):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {to_camel(name): _camel(inner) for name, inner in value.items()}
    return [_camel(one) for one in value] if isinstance(value, list) else value


def _in_xml(part: Part, zone: tzinfo) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in type(part).model_fields:
        if (value := getattr(part, name)) not in (None, ()):
            found[XML_NAMES.get(name, (name,))[0] if isinstance(part, BasicCustomer) else name] = _xml_value(value, zone)
    beside = {to_snake(name): _snake(value) for name, value in (part.model_extra or {}).items() if value is not None}
    return {name: value for name, value in beside.items() if name not in _KNOWN} | found


def _xml_value(value: Any, zone: tzinfo) -> Any:
    if isinstance(value, Part):
        return _in_xml(value, zone)
    if isinstance(value, tuple):
        return [_xml_value(one, zone) for one in value]
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    return plain(value) if isinstance(value, Decimal) else _snake(value)


def _snake(value: Any) -> Any:
    if isinstance(value, dict):
        return {to_snake(name): _snake(inner) for name, inner in value.items()}
    return [_snake(one) for one in value] if isinstance(value, list) else value


def _dumped(value: Any) -> Any:
    if isinstance(value, Part):
        said = {to_camel(name): getattr(value, name) for name in type(value).model_fields} | (value.model_extra or {})
        return {name: _dumped(inner) for name, inner in said.items() if inner is not None and inner != ()}
    if isinstance(value, tuple):
        return [_dumped(one) for one in value]
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}+0000"
    return value


def _place(error: ValidationError) -> str:
    """A field's JSON name; what follows it of pydantic's own names is left out."""
    place = [str(part) for part in error.errors(include_input=False, include_url=False, include_context=False)[0]["loc"]]
    ours = next((at for at, part in enumerate(place) if "[" in part or part in ("str", "BasicUser")), len(place))
    return ".".join(place[:ours])[:FIELD_MAX]
