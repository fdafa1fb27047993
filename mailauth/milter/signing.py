"""Outgoing mail is signed: which mail that is, for which author, with which keys.

If a message of ours cannot be signed, its notes say why, and a setting decides what
follows.  A key that cannot be used is a fault on our side, so the message is deferred:
otherwise it would leave unsigned.  A key that is not published yet, or no longer, may
leave the signing to keys that are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from mailauth.dkim import Published, Signatory, Signing, preflight
from mailauth.dkim.fragile import Fragility
from mailauth.dns.lookups import Lookups, gather
from mailauth.errors import BadArgument, SyntaxFault, UnsignableMessage, UnusableKey
from mailauth.keys import PrivateKey
from mailauth.milter.ending import DEFERRED, DELIVERED, Ending
from mailauth.milter.mail import Mail
from mailauth.milter.protocol.replies import Refusal
from mailauth.milter.settings import Action, Ours, SigningSettings
from mailauth.milter.tables.keyring import KeyRing
from mailauth.milter.tables.signingtable import SigningKey
from mailauth.syntax import mailbox
from mailauth.syntax.address import Address
from mailauth.syntax.mailbox import Mailbox

UNSIGNABLE: Final = Refusal(550, "5.6.0", "The message is malformed and cannot be signed")
NOT_ALLOWED: Final = Refusal(550, "5.7.1", "You may not send as the author of this message")


@dataclass(frozen=True, slots=True)
class Signed:
    """What became of a message of ours."""

    fields: tuple[bytes, ...] = ()
    """The signatures, each a whole field."""
    made: tuple[str, ...] = ()
    """The d= and s= of each signature."""
    ending: Ending = DELIVERED


def is_ours(
    ours: Ours, client: tuple[str, Address | None], sender: str, macro: Callable[[bytes], str]
) -> bool:
    """Whether mail is to be signed: decided by its client, its user, or how it came."""
    if client in ours.excluded or not (sender or ours.null_sender):
        return False
    if ours.authenticated and macro(b"auth_authen"):
        return True
    if ours.daemons and macro(b"daemon_name") in ours.daemons:
        return True
    for name, values in ours.macros.items():
        value = macro(name.encode())
        if value and (not values or value in values):
            return True
    return client in ours.clients


def begin(mail: Mail, settings: SigningSettings) -> None:
    """The header is complete: prepare to hash the body, or note why it is not signed."""
    header = mail.header()
    try:
        mail.signatory = Signatory(
            header,
            canonicalization=settings.canonicalization,
            headers=settings.headers,
            oversign=settings.oversign,
        )
        mail.authors = mailbox.authors(header)
        mail.fragility = Fragility()
    except (UnsignableMessage, SyntaxFault) as fault:
        mail.signatory = None
        mail.notes.append(f"not signed: {fault}")


def finish(
    mail: Mail, settings: SigningSettings, keys: KeyRing, *, user: str, now: int
) -> Lookups[Signed]:
    """The body is complete: the signatures, or what follows without them.

    **Asks**, with `prefer_published`, for the key records, side by side.
    """
    if mail.signatory is None or not mail.authors:
        return _unsigned(settings.on_unsignable, UNSIGNABLE)
    for each in mail.authors:
        if user and not settings.may_sign(user, each.domain):
            mail.notes.append(f"not signed: the user {user!r} may not sign for {each.domain}")
            return _unsigned(settings.on_not_allowed, NOT_ALLOWED)
    author = mail.authors[0]
    try:
        found = _find_keys(settings, keys, author)
        if settings.prefer_published:
            found = yield from _published(found, mail.notes)
        signings = [
            Signing(row.domain, row.selector, key, row.identity or None) for row, key in found
        ]
        if not signings:
            mail.notes.append(f"not signed: there is no key for {author}")
            return Signed()
        fields = tuple(
            mail.signatory.fields([signing], now=now, expire=settings.expire)
            for signing in signings
        )
    except UnsignableMessage as fault:
        mail.notes.append(f"not signed: {fault}")
        return _unsigned(settings.on_unsignable, UNSIGNABLE)
    except (UnusableKey, BadArgument) as fault:
        mail.notes.append(f"deferred: {fault}")
        return Signed(ending=DEFERRED)
    if mail.fragility is not None:
        mail.notes += [f"the body has {note}" for note in mail.fragility.notes()]
    made = tuple(f"d={signing.domain} s={signing.selector}" for signing in signings)
    return Signed(fields, made)


_Found: TypeAlias = list[tuple[SigningKey, PrivateKey]]
"""The rows of the table for an author, each with the key from its file."""


def _find_keys(settings: SigningSettings, keys: KeyRing, author: Mailbox) -> _Found:
    """**Raises** UnusableKey."""
    return [(row, keys.get(row.path)) for row in settings.table.find(author)]


def _published(found: _Found, notes: list[str]) -> Lookups[_Found]:
    """The keys that verifiers can find, as far as is known; all of them if there are none.

    So nothing that the DNS says makes a message leave unsigned.  **Raises** BadArgument.
    """
    preflights = yield from gather(
        *(
            preflight(
                key.public_key, domain=row.domain, selector=row.selector, identity=row.identity
            )
            for row, key in found
        )
    )
    published: _Found = []
    doubts: list[tuple[str, str]] = []
    for (row, key), (result, reason, *_) in zip(found, preflights, strict=True):
        if result in (Published.OK, Published.UNKNOWN):
            published.append((row, key))
        else:
            doubts.append((row.selector, reason))
    does = "does not sign" if published else "signs anyway"
    notes += [f"s={selector} {does}: {reason}" for selector, reason in doubts]
    return published or found


def _unsigned(action: Action, refusal: Refusal) -> Signed:
    """A message of ours leaves without a signature, or does not leave."""
    said: Refusal | None = None
    if action is Action.REJECT:
        said = refusal
    elif action is Action.TEMPFAIL:
        said = Refusal(451, f"4{refusal.enhanced[1:]}", refusal.text)
    return Signed(ending=Ending(action, said, refusal.text))
