"""Flower (extra `flower`): one port open at the server, TLS, registered keys, a process for every message."""
