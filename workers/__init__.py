"""The engine: routes deliveries, runs workflows and keeps the effect ledger."""
