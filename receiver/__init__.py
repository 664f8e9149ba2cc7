"""The door and the ground: accepts, proves, keeps and announces webhooks."""
