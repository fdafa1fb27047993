"""ARC: who handled a message on its way, and what each of them says about it (RFC 8617)."""

from mailauth.arc.seal import seal
from mailauth.arc.sets import ways
from mailauth.arc.verdict import Result, Verdict
from mailauth.arc.verify import verify

__all__ = ["Result", "Verdict", "seal", "verify", "ways"]
