"""What only the workers may know: the providers' accounts and the workflows' policies.

Reads the same billhook.toml as receiver/settings.py, its tables `[source.NAME.api]`, `[source.NAME.smtp]` and `[policy.WORKFLOW]`, and
the secrets BILLHOOK_API_<NAME>_USER and _KEY, BILLHOOK_SMTP_<NAME>_USER and _PASSWORD. Builds the Runtime every worker role stands on.
"""

import os
from collections.abc import Mapping
from decimal import Decimal
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from receiver.db import Database
from receiver.errors import SettingsInvalid
from receiver.log import get_logger
from receiver.mistakes import Mistake, mistakes_of, refusal, unknown
from receiver.settings import Settings, SourceSettings, load_settings, read_secret, read_toml, variable_part
from receiver.settings import WorkerSettings as WorkerTable
from receiver.sources import catalog
from workers.addresses import is_here
from workers.chain import OutsideHead
from workers.clock import DatabaseClock
from workers.console.settings import ConsoleSettings, table_in
from workers.loading import load_folders
from workers.notify import NotifySettings
from workers.providers import bundle, mail
from workers.providers.autodns_client import CUSTOMER_ID
from workers.providers.mail import Mailer, ascii_address
from workers.providers.rate import HOUR, MINUTE, Rate
from workers.providers.service import Client
from workers.providers.smtp import Security, SmtpMailer
from workers.registry import Registry, Workflow
from workers.runtime import Account, Announces, Runtime

log = get_logger(__name__)


AUTODNS_ONLY = ("context", "customers", "credit_low", "poll", "poll_exclusive")


def _named(id: str) -> str:
    if not CUSTOMER_ID.fullmatch(id):
        raise ValueError('a customer is written "client/number", such as "ix/1234567"')
    return id


def _exact(said: object) -> object:
    if isinstance(said, float):
        raise ValueError('write the amount as text, such as "50.00": a number without quotes may lose a cent')
    return said


class ApiSettings(BaseModel):
    """`[source.NAME.api]`. `sandbox` marks a simulated provider: its address must be this machine's own.

    Of the two rates at most one is given; without one it is the kind's own. From `context` on they are for kind autodns alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str | None = None
    calls_per_minute: int | None = Field(default=None, ge=1, le=60_000)
    calls_per_hour: int | None = Field(default=None, ge=10, le=3_600_000)
    sandbox: bool = False
    portal_url: str | None = None
    auth_url: str | None = None
    test: bool = False
    context: int = Field(default=4, ge=1)
    customers: tuple[Annotated[str, AfterValidator(_named)], ...] = ()
    credit_low: Annotated[Decimal | None, BeforeValidator(_exact)] = Field(default=None, ge=0, max_digits=14, decimal_places=2)
    poll: bool = False
    poll_exclusive: bool = False

    @model_validator(mode="after")
    def _one_rate(self) -> "ApiSettings":
        if self.calls_per_minute and self.calls_per_hour:
            raise ValueError("write calls_per_minute or calls_per_hour, whichever the provider counts by, not both")
        return self

    @property
    def rate(self) -> Rate | None:
        """The rate that was chosen, or None for the kind's own."""
        if self.calls_per_hour:
            return Rate(self.calls_per_hour, HOUR)
        return Rate(self.calls_per_minute, MINUTE) if self.calls_per_minute else None


class SmtpSettings(BaseModel):
    """`[source.NAME.smtp]`: one's own mail server. Only on this machine it may be spoken to in the clear."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65535)
    sender: str
    security: Security = "starttls"

    @field_validator("sender")
    @classmethod
    def _one_address(cls, text: str) -> str:
        try:
            ascii_address(parseaddr(text)[1])
        except ValueError:
            raise ValueError('an address is wanted, such as "rechnung@muster.de" or "Muster GmbH <rechnung@muster.de>"') from None
        return text

    @model_validator(mode="after")
    def _in_secret(self) -> "SmtpSettings":
        if self.security == "none" and not is_here(self.host):
            raise ValueError('security = "none" is for a mail server on this machine: write "starttls" or "tls"')
        return self


class ModeOf(BaseModel):
    """`mode` of a policy: where the workflow starts on a source nobody switched."""

    mode: Literal["off", "observe", "propose", "auto"] = "observe"


class WorkerSettings:
    """All of billhook.toml. Every error is a SettingsInvalid that names the setting."""

    def __init__(self, config: Path | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self.settings: Settings = load_settings(config, environ, others=_mistakes)
        self._environ = self.environ = environ
        table = read_toml(self.settings.config) if self.settings.config else {}
        self.policies: dict[str, dict[str, Any]] = table.get("policy", {})
        self.notify = NotifySettings.model_validate(table_in(table, "notify"))
        self.console = ConsoleSettings.model_validate(table_in(table))
        self.mail = {n: SmtpSettings.model_validate(part["smtp"]) for n, part in table.get("source", {}).items() if "smtp" in part}
        self.apis = {name: ApiSettings.model_validate(part.get("api", {})) for name, part in table.get("source", {}).items()}

    def client(self, source: SourceSettings) -> Client | None:
        """The provider client of a source, or None for a kind without an API."""
        if source.kind not in bundle.KINDS:
            return None
        stem, api = f"BILLHOOK_API_{variable_part(source.name)}_", self.apis[source.name]
        user, key = (read_secret(stem + part, self._environ, self.settings.secrets_dir) for part in ("USER", "KEY"))
        if not user or not key:
            raise SettingsInvalid(f"source.{source.name} has no API login: set {stem}USER and {stem}KEY, or their _FILE variants")
        if source.kind == "qvickly":
            return self._qvickly(source, api, user, key)
        if source.kind == "autodns":
            return bundle.make_autodns(
                source.name, api.base_url, user, key, source.zone, source.currencies, rate=api.rate, context=api.context,
                watched=api.customers, credit_low=api.credit_low, polls=api.poll,
            )  # fmt: skip
        return bundle.make_client(
            source.kind,
            source.name,
            api.base_url,
            user,
            key,
            source.zone,
            source.currencies,
            rate=api.rate,
            mailer=self._mailer(source.name),
        )

    def _mailer(self, source: str) -> Mailer | None:
        """The mail server of a source, or None where it has none. Raises SettingsInvalid for half a login."""
        said, stem = self.mail.get(source), f"BILLHOOK_SMTP_{variable_part(source)}_"
        if said is None:
            return None
        user, password = (read_secret(stem + part, self._environ, self.settings.secrets_dir) for part in ("USER", "PASSWORD"))
        if (user is None) != (password is None):
            raise SettingsInvalid(f"{stem}USER and {stem}PASSWORD only work together: set both, or neither")
        login = (user, password) if user and password else None
        return SmtpMailer(source=source, host=said.host, port=said.port, sender=said.sender, security=said.security, login=login)

    def _qvickly(self, source: SourceSettings, api: ApiSettings, merchant: str, key: str) -> Client:
        stem = f"BILLHOOK_API_{variable_part(source.name)}_PORTAL_"
        user, password = (read_secret(stem + part, self._environ, self.settings.secrets_dir) for part in ("USER", "PASSWORD"))
        if (user is None) != (password is None):
            raise SettingsInvalid(f"{stem}USER and {stem}PASSWORD only work together: set both, or neither")
        # What stands in for one of the provider's addresses stands in for all: a sandbox's customers are not looked for at the real one.
        parts = urlsplit(api.base_url or "")
        own = f"{parts.scheme}://{parts.netloc}/" if api.sandbox else ""
        return bundle.make_qvickly(
            source.name,
            api.base_url,
            merchant,
            key,
            source.zone,
            source.currencies,
            rate=api.rate,
            portal=(user, password) if user and password else None,
            portal_url=api.portal_url or (f"{own}portal/" if own else None),
            auth_url=api.auth_url or (f"{own}auth/" if own else None),
            test=api.test,
        )

    def check_policies(self, registry: Registry) -> tuple[str, ...]:
        """Refuse every policy for a workflow nobody registered, or that its workflow does not accept.

        The policies returned are for no known workflow while a workflow file does not import: they may be that file's, which
        must stop nobody else, so they are left for a person to look at.
        """
        unclaimed = tuple(name for name in self.policies if registry.get(name) is None)
        names = sorted(workflow.name for workflow in registry.all())
        lost = () if registry.broken else unclaimed
        found = [Mistake(f"policy.{name}", unknown(name, names, "workflow")) for name in lost]
        for name, body in self.policies.items():
            found += policy_mistakes(name, body, registry.get(name)) or self._without_mail(name, body, registry.get(name))
        if found:
            raise refusal(found, self.settings.config)
        return unclaimed

    def _without_mail(self, name: str, body: Mapping[str, Any], workflow: Workflow | None) -> list[Mistake]:
        """Sources whose mails a policy wants to send over a mail server that they do not have."""
        said = {key: value for key, value in body.items() if key != "mode"}
        if workflow is None or not getattr(workflow.policy.model_validate(said), "needs_mail", False):
            return []
        lacking = [one.name for one in self.settings.sources.values() if one.kind in mail.KINDS and one.name not in self.mail]
        why = "it sends over your own mail server: write [source.{0}.smtp] with host and sender"
        return [Mistake(f"policy.{name}", why.format(source)) for source in lacking]


def build(
    chosen: WorkerSettings, *, database: Database | None = None, announcer: Announces | None = None, only: str | None = None
) -> Runtime:
    """The Runtime of a worker role: database, clocks, clients, workflows, policies and the ledger's outside head.

    `only`: with this source alone; the secrets of others may be missing.
    """
    settings = chosen.settings
    registry = load_folders(settings.workflows)
    for policy in chosen.check_policies(registry):
        log.error(
            "policy without its workflow while a workflow file does not import",
            policy=policy,
            file=", ".join(why.partition(" ")[0] for why in registry.broken.values()),
        )
    db = database or Database(settings.database, read_pool=settings.worker.threads + 4)
    runtime = Runtime(db=db, clock=DatabaseClock(db), registry=registry, accounts=accounts(chosen, only), policies=chosen.policies)
    runtime.head = OutsideHead(settings.ledger_head_dir, runtime.owner)
    if announcer is not None:
        runtime.announcer = announcer
    return runtime


def accounts(chosen: WorkerSettings, only: str | None = None) -> dict[str, Account]:
    """Every source as the engine sees it, or the one."""
    named = {name: source for name, source in chosen.settings.sources.items() if only in (None, name)}
    return {name: account_of(source, chosen.client(source)) for name, source in named.items()}


def account_of(source: SourceSettings, client: Client | None) -> Account:
    """One source with how its deliveries are read."""

    def interpret(body: bytes, native_type: str, native_id: str, headers: str = "") -> Any:
        return catalog.kind(source.kind).interpret(body, source, native_type, native_id, headers)

    return Account(
        name=source.name, kind=source.kind, zone=source.tz, interpret=interpret, since=source.since, client=client,
        silence=source.silence_limit,
    )  # fmt: skip


def _mistakes(raw: Mapping[str, Any]) -> list[Mistake]:
    """What is wrong with the tables that only the workers read. What a policy says is looked at once its workflow is loaded."""
    tables = raw.get("policy", {})
    if not isinstance(tables, dict) or not all(isinstance(body, dict) for body in tables.values()):
        found = [Mistake("policy", "write a table [policy.WORKFLOW] for each workflow")]
    else:
        found = []
    for name, part in _tables(raw, "source").items():
        found += _in_api(name, part.get("api", {}), part.get("kind"))
        found += _in_smtp(name, part["smtp"]) if "smtp" in part else []
    found += _in_room("console", ConsoleSettings, raw) + _in_room("notify", NotifySettings, raw)
    known = list(WorkerTable.model_fields)
    strangers = [name for name in _tables(raw, "billhook").get("worker", {}) if name not in known]
    return found + [Mistake(f"billhook.worker.{name}", unknown(name, known)) for name in strangers]


def _tables(raw: Mapping[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """The tables below `name`; others look at what is none."""
    table = raw.get(name, {})
    return {key: part for key, part in table.items() if isinstance(part, dict)} if isinstance(table, dict) else {}


def policy_mistakes(name: str, body: Mapping[str, Any], workflow: Workflow | None) -> list[Mistake]:
    """A policy's mistakes; a setting nobody knows is one also where the workflow's model would let it pass."""
    parts: list[tuple[type[BaseModel], dict[str, Any]]] = [(ModeOf, {"mode": body.get("mode", "observe")})]
    if workflow is not None:
        parts.append((workflow.policy, {key: value for key, value in body.items() if key != "mode"}))
    found = []
    for model, said in parts:
        try:
            model.model_validate(said, extra=None if model.model_config.get("extra") == "allow" else "forbid")
        except ValidationError as error:
            found += mistakes_of(error, model, lambda place: ".".join(("policy", name, *place)), beside=("mode",))
    return found


def _in_room(name: str, model: type[BaseModel], raw: Mapping[str, Any]) -> list[Mistake]:
    try:
        model.model_validate(table_in(raw, name))
    except ValidationError as error:
        return mistakes_of(error, model, lambda place: ".".join(("billhook", name, *place)))
    return []


def _in_smtp(name: str, part: object) -> list[Mistake]:
    try:
        SmtpSettings.model_validate(part)
    except ValidationError as error:
        return mistakes_of(error, SmtpSettings, lambda place: ".".join(("source", name, "smtp", *place)))
    return []


def _in_api(name: str, part: object, kind: object) -> list[Mistake]:
    above = ("source", name, "api")
    strange = [field for field in AUTODNS_ONLY if isinstance(part, dict) and field in part and kind != "autodns"]
    if strange:
        return [Mistake(".".join((*above, field)), "only a source of kind autodns has it; leave it out") for field in strange]
    try:
        api = ApiSettings.model_validate(part)
    except ValidationError as error:
        return mistakes_of(error, ApiSettings, lambda place: ".".join((*above, *place)))
    if api.sandbox and not _loopback(api.base_url or ""):
        wrong = "a sandbox must be on this machine, such as http://127.0.0.1:8090/api/1.0/api.php"
        return [Mistake(".".join((*above, "base_url")), wrong)]
    if api.poll and not api.poll_exclusive:
        wrong = (
            "confirming a message takes it from every other tool of this AutoDNS user: write poll_exclusive = true beside it once billhook"
            " alone polls, or leave poll out and have messages pushed"
        )
        return [Mistake(".".join((*above, "poll")), wrong)]
    others = {"portal_url": api.portal_url, "auth_url": api.auth_url}
    return [
        Mistake(".".join((*above, name)), "a sandbox must be on this machine, such as http://127.0.0.1:8090/")
        for name, url in others.items()
        if api.sandbox and url and not _loopback(url)
    ]


def _loopback(url: str) -> bool:
    return is_here(urlsplit(url).hostname or "")
