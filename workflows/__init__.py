"""The workflows billhook ships; authors add theirs beside them."""
