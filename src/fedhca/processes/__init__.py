"""Processes: how they are stopped, started in groups, and watched."""
