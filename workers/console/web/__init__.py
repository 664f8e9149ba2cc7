"""The console over HTTP: the application, who may enter, and the live stream."""
