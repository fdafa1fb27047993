"""The autopsy of a signature that does not verify: which change broke it (RFC 6376 §6.1.3).

The body's hash is written in the signature, and an RSA signature gives back the
hash of the header.  So the message as it was signed can be guessed, and the hash
proves a guess.  `damage` knows the changes that are known to happen on the way;
`body` and `header` undo them one by one, in the header two at a time, and
`oneoctet` tries each octet of a small text.  What is found is certain, and if
nothing is found that is said.  The `work` for one message has its limit; where
it ends the search, that is said too.
"""

from mailauth.dkim.autopsy.examine import Autopsy, autopsy

__all__ = ["Autopsy", "autopsy"]
