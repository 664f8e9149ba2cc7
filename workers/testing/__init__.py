"""What authors test with: Flow, the clock and crash points."""
