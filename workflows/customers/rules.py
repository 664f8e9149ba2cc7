"""Which rules hold for a customer. Pure. What is not known is not as if it were empty: a rule that asks for it does not hold."""

from collections.abc import Collection, Mapping, Sequence

from workers.authoring import CUSTOMER_NAMES, CustomerDoc
from workflows.customers.policy import Rule


def holds(rule: Rule, changed: Collection[str], attributes: Mapping[str, str] | None, tags: Collection[str]) -> bool:
    """Whether a rule holds, `changed` being canonical field names. Values and tags are compared without regard to case."""
    if rule.changed and not {CUSTOMER_NAMES.get(name, name) for name in rule.changed} & set(changed):
        return False
    said = {name.lower(): value.strip().lower() for name, value in (attributes or {}).items()}
    known = {tag.strip().lower() for tag in tags}
    as_said = all(said.get(name.lower()) == value.strip().lower() for name, value in rule.attributes.items())
    return as_said and all(tag.strip().lower() in known for tag in rule.tags)


def to_write(rules: Sequence[Rule], customer: CustomerDoc) -> dict[str, str]:
    """What differs from what the rules say, by the provider's names; of two rules the later one wins."""
    wanted: dict[str, str] = {}
    for rule in rules:
        wanted |= rule.write
    return {name: value for name, value in wanted.items() if _now(customer, name).lower() != value.strip().lower()}


def _now(customer: CustomerDoc, name: str) -> str:
    said = customer.fields.get(CUSTOMER_NAMES.get(name, name))
    if said is None:
        said = (customer.fields.get("extra") or {}).get(name)
    return "" if said is None else str(said).strip()
