"""The terminal client: a picture of what the client library is told."""
