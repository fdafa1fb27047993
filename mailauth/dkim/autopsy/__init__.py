"""The autopsy of a signature that does not verify: which change broke it (RFC 6376 §6.1.3).

The signature contains the body's hash, and an RSA signature also reveals the hash of
the header.  So the message as it was signed can be guessed, and the hash proves a
guess.  `damage` lists the changes that are known to happen on the way; `body` and
`header` undo them, in the header up to three together, and `oneoctet` tries each octet
of a small text.  What is found is certain; if nothing is found, the autopsy says so.
The `work` for one message is limited; if that ends the search, the autopsy says so too.
"""

from mailauth.dkim.autopsy.examine import Autopsy, autopsy

__all__ = ["Autopsy", "autopsy"]
