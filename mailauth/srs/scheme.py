"""The choices that SRS leaves open, and presets for what other implementations chose."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from mailauth.errors import BadArgument


class Mac(StrEnum):
    """How the parts of an address become the text that is authenticated."""

    CLASSIC = "classic"
    """HMAC-SHA1 of the parts with nothing between them, as in Mail::SRS, pysrs and PostSRSd.

    So a hash for an address of one domain can be valid for another: the host `ab.co` and
    the local part `m` have the same text as the host `ab.c` and the local part `om`.
    """
    SEPARATED = "separated"
    """HMAC-SHA256 of the parts, each with its length before it."""


class LongSenders(StrEnum):
    """What to do with a sender that would be too long for an address once it is rewritten."""

    REFUSE = "refuse"
    """`TooLong` is raised."""
    PASS = "pass"  # noqa: S105 - no secret
    """It stays as it is; SPF will not pass for it."""
    STORE = "store"
    """It is kept in a store, and its alias there is rewritten instead."""


class Aliases(Protocol):
    """A store of senders that are too long; `aliases.AliasFile` is one.

    It may forget a sender once the maximum age is over, not before.  It raises its
    own errors, so that mail waits.
    """

    def keep(self, address: str, *, now: int) -> str:
        """The alias of an address: letters and digits, always the same for one address.

        **Raises** TooLong: there is no room for one more.
        """

    def find(self, alias: str, *, now: int) -> str | None:
        """The address of an alias; None if it is no longer known."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """The choices; `CLASSIC` is what the other implementations do by default.

    **Raises** BadArgument: a choice is invalid, or two contradict each other.
    """

    separator: str = "="
    """What follows SRS0 and SRS1: `=`, `+` or `-`; all three are understood."""
    hash_length: int = 4
    """Characters of the hash that are written; 4 is what others expect, 8 is safer."""
    hash_minimum: int = 4
    """The fewest characters of a hash that are accepted."""
    max_age: int = 21
    """Days for which a rewritten address is accepted."""
    mac: Mac = Mac.CLASSIC
    """The MAC with which addresses are signed."""
    accepted: tuple[Mac, ...] = (Mac.CLASSIC, Mac.SEPARATED)
    """The MACs with which addresses are accepted; both during a migration."""
    url_safe: bool = False
    """Write `-` and `_` for `+` and `/` in a hash; both are understood."""
    always_rewrite: bool = False
    """Rewrite senders of the SRS domain itself too."""
    long_senders: LongSenders = LongSenders.REFUSE

    def __post_init__(self) -> None:
        # Text from a file or an option equals a member, but is not that member.
        object.__setattr__(self, "mac", _member(Mac, self.mac))
        object.__setattr__(self, "accepted", tuple(_member(Mac, each) for each in self.accepted))
        object.__setattr__(self, "long_senders", _member(LongSenders, self.long_senders))
        if self.separator not in SEPARATORS or len(self.separator) != 1:
            raise BadArgument(f"{self.separator!r} is not a separator; it is one of = + -")
        if not 1 <= self.hash_minimum <= self.hash_length <= MAX_HASH:
            raise BadArgument(
                f"hashes of {self.hash_minimum} to {self.hash_length} characters;"
                f" they must have 1 to {MAX_HASH}"
            )
        if self.mac not in self.accepted:
            raise BadArgument(f"addresses are signed with {self.mac!s}, which is not accepted")
        if not 1 <= self.max_age < PERIOD:
            raise BadArgument(f"a maximum age of {self.max_age} days; it must be 1 to {PERIOD - 1}")


_Choice = TypeVar("_Choice", bound=StrEnum)


def _member(choices: type[_Choice], value: str) -> _Choice:
    """The choice that a value names.  **Raises** BadArgument: there is no such choice."""
    try:
        return choices(value)
    except ValueError:
        raise BadArgument(
            f"there is no {value!r}; it must be one of {', '.join(choices)}"
        ) from None


SEPARATORS: Final = "=+-"
MAX_HASH: Final = 27
"""Characters of base64 that SHA-1 fills."""
PERIOD: Final = 1024
"""Days after which a timestamp repeats."""

CLASSIC: Final = Scheme()
"""What Mail::SRS, pysrs and PostSRSd do by default."""
POSTSRSD: Final = Scheme(url_safe=True)
"""What PostSRSd has written since 2.2.6: hashes without `/` and `+`."""
SEPARATED: Final = Scheme(mac=Mac.SEPARATED, hash_length=8)
"""Safer, and understood by mailauth alone; addresses of `CLASSIC` are still accepted."""
