"""The code of a frame: the octet after its length, which says what the frame is.

The protocol has no RFC; the letters are those of Sendmail's libmilter, whose prefix for
each group is in parentheses.  A letter may mean one thing from the MTA and another from
the filter.
"""

from typing import Final

# Commands of the MTA (SMFIC_)
ABORT: Final = b"A"
BODY: Final = b"B"
CONNECT: Final = b"C"
MACROS: Final = b"D"
END_OF_MESSAGE: Final = b"E"
HELO: Final = b"H"
QUIT_NEW_CONNECTION: Final = b"K"
HEADER: Final = b"L"
MAIL: Final = b"M"
END_OF_HEADERS: Final = b"N"
OFFER: Final = b"O"
"""From the filter too: its answer to the offer."""
QUIT: Final = b"Q"
RCPT: Final = b"R"
DATA: Final = b"T"
UNKNOWN: Final = b"U"

# Replies of the filter that end a stage (SMFIR_)
ACCEPT: Final = b"a"
CONTINUE: Final = b"c"
DISCARD: Final = b"d"
CONNECTION_FAILED: Final = b"f"
REJECT: Final = b"r"
SKIP: Final = b"s"
TEMPFAIL: Final = b"t"
REPLY_IN_WORDS: Final = b"y"
SHUTDOWN: Final = b"4"

# Before the reply to the end of a message: a sign of progress, and changes to the message
PROGRESS: Final = b"p"
ADD_RECIPIENT: Final = b"+"
ADD_RECIPIENT_WITH_ARGUMENTS: Final = b"2"
DELETE_RECIPIENT: Final = b"-"
REPLACE_BODY: Final = b"b"
CHANGE_FROM: Final = b"e"
ADD_HEADER: Final = b"h"
INSERT_HEADER: Final = b"i"
CHANGE_HEADER: Final = b"m"
QUARANTINE: Final = b"q"
