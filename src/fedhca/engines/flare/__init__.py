"""NVIDIA FLARE (extra `flare`), through its Collab API: resident clients, mutual TLS, one port open at the server."""
