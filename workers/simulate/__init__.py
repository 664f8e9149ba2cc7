"""`billhook simulate`: a scenario in TOML, run through the real engine and the sandbox on a moved clock."""
