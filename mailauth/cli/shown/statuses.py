"""The exit statuses that all commands share; 0 and 1 say what a command found."""

from typing import Final

MISUSE: Final = 2
TEMPORARY: Final = 75
"""A temporary failure, EX_TEMPFAIL of sysexits.h."""
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
