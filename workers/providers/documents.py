"""The printed invoice: fetched from the provider's own hosts only, capped, and opened to see whether an e-invoice is in it.

Owns the rule which document URL may be followed. No credential is sent along; nothing is kept.
"""

import hashlib
import io
from collections.abc import Set
from urllib.parse import urlsplit

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from receiver.errors import OutcomeUnknown, Rejected, Retryable
from workers.providers.http import Ask, Transport, is_loopback
from workers.providers.monsum_docs import DocumentDoc

DOCUMENT_MAX = 10 * 1024 * 1024


def may_fetch(url: str, hosts: Set[str], base_url: str) -> bool:
    """`url` is https on one of `hosts`, or on this machine at the very address of a sandbox (`base_url`)."""
    asked, ours = urlsplit(url), urlsplit(base_url)
    if asked.scheme == "https" and asked.hostname in hosts and asked.port in (None, 443):
        return True
    return is_loopback(base_url) and (asked.scheme, asked.netloc) == (ours.scheme, ours.netloc)


def fetch(transport: Transport, url: str, *, provider: str, invoice_id: str) -> DocumentDoc:
    """The PDF behind `url`, looked into. Raises Retryable (not fetched) or Rejected (fetched, but not a PDF that opens)."""
    try:
        answer = transport.send(Ask(url=url, method="GET", headers={"Accept": "application/pdf"}, provider=provider))
    except OutcomeUnknown as cause:
        raise Retryable(provider=provider, call="document", kind=cause.context.get("kind")) from cause
    if answer.status != 200:
        raise Retryable(provider=provider, call="document", status=answer.status)
    if len(answer.body) > DOCUMENT_MAX:
        raise Rejected(provider=provider, call="document", kind="too_large")
    names = _embedded(answer.body, provider)
    digest = hashlib.sha256(answer.body).hexdigest()
    return DocumentDoc(source=provider, id=invoice_id, size=len(answer.body), sha256=digest, embedded=names)


def _embedded(body: bytes, provider: str) -> tuple[str, ...]:
    if not body.startswith(b"%PDF-"):
        raise Rejected(provider=provider, call="document", kind="not_pdf")
    try:
        return tuple(sorted(PdfReader(io.BytesIO(body)).attachments))
    # A hostile PDF breaks pypdf in more ways than its own errors say.
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OSError):
        raise Rejected(provider=provider, call="document", kind="unreadable") from None
