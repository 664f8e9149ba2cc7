"""The providers, simulated over HTTP: for the demo, tests and authors."""
