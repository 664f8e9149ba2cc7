"""What the pages show, as plain queries: bounded, so that a page never scans a whole table."""
