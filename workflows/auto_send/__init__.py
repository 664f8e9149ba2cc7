"""Auto-send: a completed invoice reaches its customer once, by e-mail or post, after a hold and inside office hours."""
