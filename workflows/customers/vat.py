"""VAT ids: valid, invalid or unknown. The syntax is checked here, the rest by the provider; an outage is neither of the two.

One run per customer with a VAT id: it checks, asks again where nobody could tell, waits for a change, and checks once more a year
later. What was asked and answered stands in the journal, as evidence. No tax treatment is changed by it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Literal

from pydantic import BaseModel, ConfigDict
from stdnum import get_cc_module
from stdnum.eu import vat as eu_vat

from workers.authoring import CustomerCreated, CustomerDeleted, CustomerUpdated, NotFound, Query, Retryable, Run, monsum, workflow
from workflows.customers.policy import Retried, VatPolicy

Verdict = Literal["valid", "invalid", "unknown"]
UNKNOWN_AGAIN = timedelta(days=7)
WAITS_MAX = 500


class Checked(BaseModel):
    """What came of one question: `verdict`, why, and the provider's raw words."""

    model_config = ConfigDict(frozen=True)

    source: str = ""
    id: str
    verdict: Verdict
    why: str
    raw: dict[str, str] = {}


def _ask(client: object, vat_id: str) -> Checked:
    """The provider's word. An outage is a word too: unknown, with what went wrong."""
    try:
        said = monsum.vat_check.run(client, vat_id)
    except Retryable as cause:
        return Checked(id=vat_id, verdict="unknown", why=str(cause.context.get("kind") or "no_answer"))
    raw = {name: str(value) for name, value in said.fields.items()}
    return Checked(source=said.source, id=vat_id, verdict=said.verdict, why="provider", raw=raw)  # type: ignore[arg-type]


provider_check = Query("customer.checkvatid, or why not", "vat_id", Checked, _ask)


def compact(vat_id: str | None) -> str:
    """Upper case, without blanks, dots and dashes."""
    return "".join(letter for letter in (vat_id or "").upper() if letter.isalnum())


def syntax_of(vat_id: str) -> Verdict:
    """Whether a compact VAT id can exist at all; "unknown" for a country whose rules are not known."""
    prefix = vat_id[:2].lower().replace("el", "gr")
    if prefix in eu_vat.MEMBER_STATES:
        return "valid" if eu_vat.is_valid(vat_id) else "invalid"
    module = get_cc_module(prefix, "vat") if prefix.isalpha() and len(prefix) == 2 else None
    if module is None:
        return "unknown"
    return "valid" if module.is_valid(vat_id) or module.is_valid(vat_id[2:]) else "invalid"


@workflow(
    "customers-vat",
    on=(CustomerCreated, CustomerUpdated),
    key=lambda event: f"customer:{event.customer_id}",
    about="customer",
    start="one-per-key",
    cancel_on=(CustomerDeleted,),
    policy=VatPolicy,
    kinds=("monsum", "fastbill"),
)
def check_vat_id(run: Run, event: CustomerCreated | CustomerUpdated) -> None:
    """One customer, for as long as there is a VAT id. Without one the run ends at once, and the next change looks again."""
    for round in count():
        policy: VatPolicy = run.policy(f"policy {round}") if round else run.policy()
        try:
            vat_id = compact(run.read(f"customer {round}", monsum.customer, event.customer_id).vat_id)
        except NotFound:
            run.skip("customer_not_found")
        if not vat_id:
            run.skip("no_vat_id")
        checked = settled(run, policy, event.customer_id, vat_id, f"{round}")
        if checked is None:
            continue
        _tell(run, round, checked)
        again = timedelta(days=policy.recheck_days)
        again = again if checked.verdict != "unknown" else min(UNKNOWN_AGAIN, again)
        changes(run, event.customer_id, vat_id, run.now() + again, f"next {round}")


def settled(
    run: Run, policy: Retried, customer_id: str, vat_id: str, name: str, unknown: Callable[[Checked], None] | None = None
) -> Checked | None:
    """What is known of a VAT id once somebody could tell, or once all tries are made; None where it changed meanwhile.

    `unknown` is called with the first answer that tells nothing.
    """
    if syntax_of(vat_id) == "invalid":
        return Checked(id=vat_id, verdict="invalid", why="syntax")
    began = run.now()
    for attempt, pause in enumerate((timedelta(0), *policy.pauses)):
        if attempt and changes(run, customer_id, vat_id, began + pause, f"again {name} {attempt}"):
            return None
        checked = run.read(f"check {name} {attempt}", provider_check, vat_id)
        if checked.verdict != "unknown":
            return checked
        if not attempt and unknown is not None:
            unknown(checked)
    return checked


def _tell(run: Run, round: int, checked: Checked) -> None:
    if checked.verdict == "invalid":
        run.task(f"invalid {round}", "vat_id_invalid", why=checked.why)
    elif checked.verdict == "unknown":
        run.alert(f"unknown {round}", "vat_id_unknown", why=checked.why)


def changes(run: Run, customer_id: str, vat_id: str, until: datetime, name: str) -> bool:
    """Wait until an instant; true where the VAT id changed before. A Monsum notification does not name it, so the customer is read."""
    for number in range(WAITS_MAX):
        if run.wait_for(CustomerUpdated, until=until, name=f"{name} {number}") is None:
            return False
        try:
            now = compact(run.read(f"{name} {number} customer", monsum.customer, customer_id).vat_id)
        except NotFound:
            run.skip("customer_not_found")
        if now != vat_id:
            return True
    run.sleep_until(until, name=f"{name} rest")
    return False
