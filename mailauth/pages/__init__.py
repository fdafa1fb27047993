"""Pages for people: a report as one self-contained HTML file, to read, print and send on.

Any value in a page may have been written by a stranger.  Templates escape all of
them, unprintable characters are shown as escapes, no value becomes a link, an id or
a style, and the page forbids itself to load or run anything.
"""

from mailauth.pages.page import Judged, of_domain, of_messages

__all__ = ["Judged", "of_domain", "of_messages"]
