"""What other programs call our commands and options: for hints only, as theirs do otherwise."""

from collections.abc import Mapping
from typing import Final

import click

OTHER_COMMANDS: Final[Mapping[str, str]] = {
    "arc sign": "arc seal",
    "arc verify": "verify",
    "arcseal": "arc seal",
    "arcsign": "arc seal",
    "arcverify": "verify",
    "authenticate": "verify",
    "autopsy": "verify --explain",
    "checkdmarc": "check",
    "dkimsign": "sign",
    "dkimverify": "verify",
    "dknewkey": "keygen",
    "dmarc check": "dmarc policy",
    "dmarc lookup": "dmarc policy",
    "dmarc-policy-find": "dmarc policy",
    "dmarc_lookup": "dmarc policy",
    "envfrom2srs": "srs forward",
    "explain": "verify --explain",
    "flatten": "spf flatten",
    "genkey": "keygen",
    "genzone": "record dkim",
    "help": "--help",
    "lint": "spf lint",
    "report": "verify",
    "run": "serve",
    "seal": "arc seal",
    "spf query": "spf check",
    "spf verify": "spf check",
    "spfquery": "spf check",
    "srs decode": "srs reverse",
    "srs encode": "srs forward",
    "srs2envtol": "srs reverse",
    "srsd": "serve",
    "status": "ps",
    "testmsg": "verify",
    "version": "--version",
    "zone": "record dkim",
}
"""Commands of others, after the group of ours that they would be in, and what does it here."""
_DAEMONS: Final = frozenset({"opendkim", "pfix-srsd", "policyd-spf", "postsrsd"})
"""Programs whose configuration can be converted."""
_NOT_IMPORTED: Final = {
    "opendmarc": "write dmarc_actions into [verifying], as in docs/milter.md",
    "openarc": "to judge chains, write arc = true into [verifying], as in docs/arc.md",
}
OTHER_OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "--alias": ("--domain",),
    "--at": ("--now",),
    "--bcanon": ("--canonicalization",),
    "--client-ip": ("--ip",),
    "--debug": ("--explain",),
    "--directory": ("--output",),
    "--ehlo": ("--helo",),
    "--file": ("--batch",),
    "--from": ("--mail-from", "--sender"),
    "--hcanon": ("--canonicalization",),
    "--ip-address": ("--ip",),
    "--keyfile": ("--key",),
    "--ktype": ("--type",),
    "--mail-from": ("--sender",),
    "--mfrom": ("--mail-from", "--sender"),
    "--ns": ("--nameserver",),
    "--privkey": ("--key",),
    "--rcpt-to": ("--rcpt",),
    "--secretfile": ("--secrets",),
    "--sender": ("--mail-from",),
    "--to": ("--rcpt",),
    "--ttl": ("--expire",),
    "--verbose": ("--explain",),
    "-D": ("--output",),
    "-V": ("--version",),
    "-b": ("--bits",),
    "-e": ("--helo",),
    "-f": ("--mail-from", "--sender"),
    "-i": ("--ip",),
    "-n": ("--nameserver",),
    "-r": ("--rcpt",),
    "-t": ("--type", "--testing"),
    "-v": ("--explain", "--version"),
}
"""Options of others, and those that may be meant here: the first that the command has."""


class Commands(click.Group):
    """A group of commands that answers a wrong name with the command that may be meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first argument names."""
        wrong = args[0] not in self.list_commands(ctx) and not ctx.resilient_parsing
        if wrong and (hint := self._hint(ctx, args[0])):
            ctx.fail(f"No such command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def _hint(self, ctx: click.Context, word: str) -> str:
        """What to do instead, for somebody who knows a command by another name, or mistyped it."""
        from difflib import get_close_matches

        group = ctx.command_path.partition(" ")[2]
        if group == "import" and word in _NOT_IMPORTED:
            return _NOT_IMPORTED[word]
        if not group and word in _DAEMONS:
            return f"do you mean serve, or import {word}?"
        bare = word.removeprefix("opendkim-").removeprefix("dkim-")
        meant = OTHER_COMMANDS.get(f"{group} {bare}".lstrip())
        if meant is None and (near := get_close_matches(word[:40], self.list_commands(ctx), n=1)):
            meant = f"{group} {near[0]}".lstrip()
        if group and meant:
            meant = f"mailauth {meant}"  # it may be a command of another group
        return f"do you mean {meant}?" if meant else ""


def meant_option(fault: click.NoSuchOption) -> str:
    """Our option that is meant by the option of another program; "" if none is known."""
    if fault.ctx is None:
        return ""
    known = {name for parameter in fault.ctx.command.params for name in parameter.opts}
    meant = OTHER_OPTIONS.get(fault.option_name, ())
    return next((name for name in meant if name in known), "")
