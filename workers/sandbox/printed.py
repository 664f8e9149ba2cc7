"""A printed invoice: a small real PDF, with an e-invoice XML embedded on request.

Owns nothing but bytes; for the sandbox's documents and the tests of the e-invoice gate.
"""

import io

from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from workers.sandbox.account import Record

EINVOICE_NAME = "factur-x.xml"
_EINVOICE = """<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
 xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100">
<rsm:ExchangedDocument><ram:ID>{number}</ram:ID><ram:TypeCode>380</ram:TypeCode></rsm:ExchangedDocument>
</rsm:CrossIndustryInvoice>
"""


def printed_invoice(invoice: Record, *, einvoice: bool) -> bytes:
    """One A4 page with number and total. `einvoice` embeds a Factur-X file."""
    number = "".join(char for char in str(invoice.get("INVOICE_NUMBER") or "Entwurf") if char.isalnum() or char in "/-. ")
    writer = PdfWriter()
    page = writer.add_blank_page(width=595, height=842)
    font = {NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1")}
    named = DictionaryObject(font | {NameObject("/BaseFont"): NameObject("/Helvetica")})
    fonts = DictionaryObject({NameObject("/F1"): named})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    content = DecodedStreamObject()
    text = f"Rechnung {number}   {invoice.get('TOTAL', '')} {invoice.get('CURRENCY_CODE', '')}"
    content.set_data(f"BT /F1 14 Tf 60 760 Td ({text}) Tj ET".encode("latin-1", "replace"))
    page[NameObject("/Contents")] = writer._add_object(content)
    if einvoice:
        writer.add_attachment(EINVOICE_NAME, _EINVOICE.format(number=number).encode())
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
