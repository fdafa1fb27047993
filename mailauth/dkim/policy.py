"""What a verifier admits where RFC 6376 leaves it a choice; presets are named after their RFC."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """The choices that RFC 6376 leaves to the verifier, and the limits it asks for (§8)."""

    admit_partial_body: bool = False
    """Whether l= may leave a part of the body unsigned (§8.2)."""
    admit_unsigned_duplicates: bool = False
    """Whether a field that may come once may come again outside the signature (§8.15)."""
    max_signatures: int = 10
    """How many signatures are examined, from the top; counted before the DNS is asked (§8.4)."""
    clock_skew: int = 300
    """Seconds by which clocks may differ when t= and x= are judged (§3.5)."""
    max_header_octets: int = 1_048_576
    max_fields: int = 10_000


RFC8301 = Policy()
"""The strict policy, and the default: today's practice."""

RFC6376 = Policy(admit_partial_body=True)
"""As in the standard of 2011; but the algorithms and key sizes of RFC 8301 still apply."""
