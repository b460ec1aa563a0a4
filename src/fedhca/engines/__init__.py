"""Engines: what carries the messages between sites. Everything that knows one is in here."""
