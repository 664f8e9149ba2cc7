"""What we ask of the providers: one transport, one file of typed services each."""
