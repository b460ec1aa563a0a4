"""Data sets that say in a file what they hold, so that nobody has to write code for them."""
