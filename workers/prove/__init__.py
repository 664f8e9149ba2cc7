"""`billhook prove`: what the database, and an exported ledger, can show of the promise."""
