"""AutoDNS's XML as plain JSON values, and back: without DTD, entities or anything fetched from elsewhere.

Owns what an XML body may be (its size, depth and names) and the plain form of an element: text where it has no children, else a dict of
its children by name, a list where one is repeated. Attributes are passed over. Pure; nothing here knows a field.
Source: help pages "XML API Basics" and "Basic Customer Object", read 2026-11-21; tests/payloads/autodns.
"""

import re
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DTDForbidden, EntitiesForbidden, ExternalReferenceForbidden
from defusedxml.ElementTree import fromstring

from receiver.errors import PayloadInvalid

BODY_MAX = 1_048_576
ELEMENTS_MAX = 10_000
DEEPEST = 16
UNWRITABLE = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)


def read_xml(body: bytes) -> tuple[str, Any]:
    """(name of the outermost element, its plain value). Raises PayloadInvalid: field "body" with the cause, or the element's name.

    Causes: "too_large", "xml_dtd" (any DTD, so no entity of one's own either), "xml_too_many", "xml_too_deep", "xml".
    """
    if len(body) > BODY_MAX:
        raise PayloadInvalid(field="body", cause="too_large")
    if body.count(b"<") > 2 * ELEMENTS_MAX:
        raise PayloadInvalid(field="body", cause="xml_too_many")
    try:
        root = fromstring(body, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except (DTDForbidden, EntitiesForbidden, ExternalReferenceForbidden):
        raise PayloadInvalid(field="body", cause="xml_dtd") from None
    except (ParseError, ValueError, LookupError):
        raise PayloadInvalid(field="body", cause="xml") from None
    return _named(root), _plain(root, 1)


def _plain(element: Element, depth: int) -> Any:
    if depth > DEEPEST:
        raise PayloadInvalid(field="body", cause="xml_too_deep")
    if len(element) == 0:
        return element.text or None
    if (element.text or "").strip() or any((child.tail or "").strip() for child in element):
        raise PayloadInvalid(field=_named(element), cause="xml_mixed")
    found: dict[str, Any] = {}
    for child in element:
        name, value = _named(child), _plain(child, depth + 1)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _named(element: Element) -> str:
    if not _NAME.fullmatch(element.tag):
        raise PayloadInvalid(field="body", cause="xml_name")
    return element.tag


def write_xml(name: str, value: Any) -> bytes:
    """One element of a plain value, as UTF-8 without BOM. Raises ValueError for a name or a character XML cannot have."""
    root = Element(_writable(name))
    _fill(root, value)
    text: str = tostring(root, encoding="unicode")
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + text.replace("\r", "&#13;").encode()


def _fill(element: Element, value: Any) -> None:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            for one in inner if isinstance(inner, list) else [inner]:
                _fill(SubElement(element, _writable(name)), one)
    elif isinstance(value, bool):
        element.text = "1" if value else "0"
    elif value is not None:
        element.text = _text(str(value))


def _text(text: str) -> str:
    if UNWRITABLE.search(text):
        raise ValueError("a character XML cannot have")
    return text


def _writable(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("not a name XML can have")
    return name
