"""The console: operators' pages on a port of their own. It reads the tables; what people decide goes through the inbox."""
