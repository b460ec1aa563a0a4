"""Experiments: recipes, the for-loop, and what is written down."""
