"""When a customer changed, the policy's rules write what they say: once, without the provider's mail, and never in a circle."""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy.engine import Connection

from workers.authoring import (
    CustomerCreated,
    CustomerDeleted,
    CustomerDoc,
    CustomerUpdated,
    EffectCancelled,
    NotFound,
    Paused,
    Read,
    Run,
    Slot,
    effect,
    effects_about,
    monsum,
    tags_of,
    workflow,
    x_attributes_of,
)
from workflows.customers.policy import CustomersPolicy
from workflows.customers.rules import holds, to_write

WRITE = "customer-rule"
HOUR = timedelta(hours=1)


class Written(BaseModel):
    """The customer `id` as it was read, and the run that writes it: every run may write once."""

    model_config = ConfigDict(frozen=True)

    source: str
    id: str
    run_id: str
    last_update: str | None = None


def unchanged(fresh: CustomerDoc, planned: Written, **_: object) -> str | None:
    """Whoever changed the customer meanwhile has a webhook on its way, and the rules are asked again."""
    return "customer_changed" if fresh.last_update != planned.last_update else None


def _cap(policy: CustomersPolicy) -> int:
    return policy.daily_cap


write = effect(
    monsum.update_customer,
    slot=lambda customer, **_: [Slot(customer.source, customer.id, WRITE, customer.run_id)],
    fresh=Read(monsum.customer, must=unchanged),
    unless=(Paused,),
    daily_cap=_cap,
)


@workflow(
    "customers",
    on=(CustomerCreated, CustomerUpdated),
    key=lambda event: f"customer:{event.customer_id}",
    cancel_on=(CustomerDeleted,),
    policy=CustomersPolicy,
    kinds=("monsum", "fastbill"),
)
def follow_rules(run: Run, event: CustomerCreated | CustomerUpdated) -> None:
    """One change of one customer."""
    policy: CustomersPolicy = run.policy()
    id, changed = event.customer_id, event.fields if isinstance(event, CustomerUpdated) else ()
    if not policy.rules:
        run.skip("no_rules")
    attributes = run.setting("attributes", lambda connection: x_attributes_of(connection, run.source, id))
    tags = run.setting("tags", lambda connection: tags_of(connection, run.source, id))
    holding = [rule for rule in policy.rules if holds(rule, changed, attributes, tags)]
    if not holding:
        run.skip("no_rule_holds")
    try:
        customer = run.read("customer", monsum.customer, id)
    except NotFound:
        run.skip("customer_not_found")
    fields = to_write(holding, customer)
    if not fields:
        run.skip("as_the_rules_say")
    if run.step("writes within the hour", writes_since, run.source, id, run.now() - HOUR) >= policy.writes_per_hour:
        run.alert("loop", "write_loop", customer=id, rules=[rule.name for rule in holding])
        run.skip("write_loop")
    planned = Written(source=run.source, id=id, run_id=run.id, last_update=customer.last_update)
    try:
        run.effect("write", write, planned, fields=fields)
    except EffectCancelled as ended:
        run.skip(ended.reason)


def writes_since(connection: Connection, source: str, customer_id: str, since: datetime) -> int:
    """How many writes of this customer were called, or may have been, after an instant."""
    return sum(one.called_at is not None and one.called_at > since for one in effects_about(connection, source, customer_id, (WRITE,)))
