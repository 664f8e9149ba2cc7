"""One file per source kind: how its requests are verified, identified and interpreted."""
