"""`python -m fedhca` is the command."""

from fedhca.cli import main

main()
