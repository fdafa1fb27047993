"""The choices that the scheme leaves open, and the presets that others have made."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from mailauth.errors import BadArgument


class Mac(StrEnum):
    """How the parts of an address become the text that is authenticated."""

    CLASSIC = "classic"
    """HMAC-SHA1 of the parts without anything between them, as all others have it.

    The owner of `victim.co` can so have addresses signed that are also those of
    `victim.c`, because `ab.co` and `m` have the same text as `ab.c` and `om`.
    """
    SEPARATED = "separated"
    """HMAC-SHA256 of the parts, each with its length before it."""


class LongSenders(StrEnum):
    """What becomes of a sender that does not fit a local part of 64 octets once it is rewritten."""

    REFUSE = "refuse"
    """`TooLong` is raised."""
    PASS = "pass"  # noqa: S105 - no secret
    """It stays as it is; SPF will not pass for it."""
    STORE = "store"
    """It is kept in a store, and its alias there is rewritten in its place."""


class Aliases(Protocol):
    """A store of senders that are too long; `aliases.AliasFile` is one.

    What it was given may be forgotten once the maximum age is over, not before.
    Trouble of its own is raised, so that mail waits.
    """

    def keep(self, address: str, *, now: int) -> str:
        """The alias of an address: letters and digits, the same for the same address.

        **Raises** TooLong: there is no room for one more.
        """

    def find(self, alias: str, *, now: int) -> str | None:
        """The address of an alias, None if it is not known any more."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """The choices; `CLASSIC` is what the other implementations do by default.

    **Raises** BadArgument: one has no meaning, or two contradict each other.
    """

    separator: str = "="
    """What follows SRS0 and SRS1: `=`, `+` or `-`; all three are understood."""
    hash_length: int = 4
    """Characters of the hash that are written; 4 is what others expect, 8 is safer."""
    hash_minimum: int = 4
    """Characters of a hash that are accepted at least."""
    max_age: int = 21
    """Days for which a rewritten address is accepted."""
    mac: Mac = Mac.CLASSIC
    """With which MAC addresses are signed."""
    accepted: tuple[Mac, ...] = (Mac.CLASSIC, Mac.SEPARATED)
    """With which they are accepted; both during a migration."""
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
            raise BadArgument(f"addresses are signed with {self.mac!s}, and it is not accepted")
        if not 1 <= self.max_age < PERIOD:
            raise BadArgument(f"a maximum age of {self.max_age} days; it must be 1 to {PERIOD - 1}")


_Choice = TypeVar("_Choice", bound=StrEnum)


def _member(choices: type[_Choice], value: str) -> _Choice:
    """**Raises** BadArgument: there is no such choice."""
    try:
        return choices(value)
    except ValueError:
        raise BadArgument(f"there is no {value!r}; there are {', '.join(choices)}") from None


SEPARATORS: Final = "=+-"
MAX_HASH: Final = 27
"""Characters of base64 that SHA-1 fills."""
PERIOD: Final = 1024
"""Days after which a timestamp comes again."""

CLASSIC: Final = Scheme()
"""What Mail::SRS, pysrs and PostSRSd do by default."""
POSTSRSD: Final = Scheme(url_safe=True)
"""What PostSRSd writes since 2.2.6, whose hashes have no `/` and no `+`."""
SEPARATED: Final = Scheme(mac=Mac.SEPARATED, hash_length=8)
"""Safer, and understood by mailauth alone; addresses of `CLASSIC` are still accepted."""
