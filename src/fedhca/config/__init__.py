"""What can be set: in YAML, in Python and on the command line, validated once."""
