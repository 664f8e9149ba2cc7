"""Every core table in one metadata: what a migration must build and what a test database holds.

Importing this module imports every module of `receiver` and `workers` that declares a table. Migrations, `billhook migrate`
and the tests use it; the engine does not. tests/test_house.py fails when a module with a table is missing here.
"""

from sqlmodel import SQLModel

from receiver import inbox
from workers import (
    budgets,
    chain,
    control,
    cursors,
    desk,
    duties,
    events,
    journal,
    ledger,
    limits,
    mirror,
    policies,
    pulse,
    rereads,
    runs,
    silence,
)
from workers.console import accounts, sessions, tokens

TABLE_MODULES = (
    inbox,
    budgets,
    chain,
    control,
    cursors,
    desk,
    duties,
    events,
    journal,
    ledger,
    limits,
    mirror,
    policies,
    pulse,
    rereads,
    runs,
    silence,
    accounts,
    sessions,
    tokens,
)

METADATA = SQLModel.metadata
