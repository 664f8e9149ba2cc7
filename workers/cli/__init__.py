"""The command line: every command reads and writes the same tables as the roles."""
