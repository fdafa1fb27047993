"""`python -m mailauth`: the command line."""

from mailauth.cli import main

main()
