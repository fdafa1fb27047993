"""Directives of OpenDKIM and dkimpy-milter by what becomes of them: not needed, not supported."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Needless(NamedTuple):
    """Why a directive is not needed, if its value is one of these; without `values`, any value."""

    why: str
    values: frozenset[str] = frozenset()

    def holds(self, value: str) -> bool:
        """Whether the directive is not needed with this value."""
        return not self.values or value.lower() in self.values


_YES: Final = frozenset({"yes", "true", "y", "t", "1"})
_NO: Final = frozenset({"no", "false", "n", "f", "0"})
_PROCESSES: Final = Needless("the service looks after its processes itself")
_LOG: Final = Needless("each message leaves one line in the log")
_TESTS: Final = Needless("it is for tests")

NEEDLESS: Final[Mapping[str, Needless]] = {
    "alwaysaddarheader": Needless("the field is always added", _YES),
    "allowsha1only": Needless("SHA-1 proves nothing (RFC 8301)"),
    "autorestart": _PROCESSES,
    "autorestartcount": _PROCESSES,
    "autorestartrate": _PROCESSES,
    "background": _PROCESSES,
    "basedirectory": Needless("write the names of files in full"),
    "captureunknownerrors": Needless("a fault defers the message, and its traceback is logged"),
    "changerootdirectory": Needless("the systemd unit confines the service"),
    "clockdrift": Needless("clocks may differ by 300 seconds"),
    "debuglevel": _LOG,
    "diagnostics": _TESTS,
    "diagnosticdirectory": _TESTS,
    "disablecryptoinit": _PROCESSES,
    "dnsoverride": _TESTS,
    "dnsconnect": Needless("long answers are fetched over TCP"),
    "domainkeyscompat": Needless("DomainKeys is obsolete", _NO),
    "enablecoredumps": Needless("a core dump would contain the keys"),
    "externalignorelist": Needless("it only concerns a log warning"),
    "keeptemporaryfiles": _TESTS,
    "logresults": _LOG,
    "logwhy": _LOG,
    "macrolistverify": Needless("what is not signed is verified"),
    "maximumsignaturestoverify": Needless("up to ten are examined"),
    "milterdebug": _TESTS,
    "minimumkeybits": Needless("1024 bits are needed (RFC 8301)"),
    "mtacommand": Needless("no mail is sent"),
    "noheaderb": Needless("header.b is always reported (RFC 6008)", _NO),
    "on-internalerror": Needless("a fault defers the message", frozenset({"tempfail", "t"})),
    "on-security": Needless("a fault defers the message", frozenset({"tempfail", "t"})),
    "pidfile": _PROCESSES,
    "querycache": Needless("answers are remembered in memory"),
    "removearall": Needless("results that claim to be ours are removed", _NO),
    "removeoldsignatures": Needless("signatures by others are kept", _NO),
    "requestreports": Needless("no reports are requested", _NO),
    "requiresafekeys": Needless("key files must always be closed to others", _YES),
    "resignall": Needless("only mail of your own is signed", _NO),
    "sendreports": Needless("no reports are sent", _NO),
    "signaturealgorithm": Needless("the type of the key decides"),
    "softstart": Needless("a key is loaded when it is used"),
    "softwareheader": Needless("no such field is added"),
    "strictheaders": Needless("a malformed header fails", _YES),
    "stricttestmode": _TESTS,
    "syslog": _LOG,
    "syslogfacility": _LOG,
    "syslogname": _LOG,
    "syslogsuccess": _LOG,
    "temporarydirectory": Needless("nothing is written to files"),
    "testdnsdata": _TESTS,
    "testpublickeys": _TESTS,
    "trustanchorfile": Needless("use a nameserver that validates"),
    "unprotectedkey": Needless("DNSSEC is not required", frozenset({"none"})),
    "boguskey": Needless("a nameserver that validates gives no bogus answers"),
    "weaksyntaxchecks": Needless("a malformed message gets a verdict"),
    "userid": _PROCESSES,
}
"""Directives without a counterpart that are not needed."""

OF_SIGNING: Final = frozenset(
    {
        "canonicalization",
        "domain",
        "internalhosts",
        "keyfile",
        "keyfileed25519",
        "keytable",
        "macrolist",
        "mta",
        "multiplesignatures",
        "oversignheaders",
        "selector",
        "selectored25519",
        "signaturettl",
        "signheaders",
        "signingtable",
        "subdomains",
    }
)
"""Directives that matter only where mail is signed."""

OF_VERIFYING: Final = frozenset(
    {
        "authservid",
        "on-badsignature",
        "on-default",
        "on-dnserror",
        "on-keynotfound",
        "on-nosignature",
        "on-signatureerror",
        "quarantine",
    }
)
"""Directives that matter only where mail is verified."""

UNSUPPORTED: Final = frozenset(
    {
        "authservidwithjobid",
        "bodylengthdb",
        "dontsignmailto",
        "exemptdomains",
        "finalpolicyscript",
        "fixcrlf",
        "identityheader",
        "identityheaderremove",
        "ignoremalformedmail",
        "keepauthresults",
        "keytableed25519",
        "ldapauthmechanism",
        "ldapauthname",
        "ldapauthrealm",
        "ldapauthuser",
        "ldapbindpassword",
        "ldapbinduser",
        "ldapdisablecache",
        "ldapkeepaliveidle",
        "ldapkeepaliveinterval",
        "ldapkeepaliveprobes",
        "ldaptimeout",
        "ldapusetls",
        "maximumsignedbytes",
        "minimum",
        "mustbesigned",
        "omitheaders",
        "popdbfile",
        "redirectfailuresto",
        "removearfrom",
        "replaceheaders",
        "replacerules",
        "reportaddress",
        "reportbccaddress",
        "requiredheaders",
        "resignmailto",
        "resolverconfiguration",
        "resolvertracing",
        "screenpolicyscript",
        "selectcanonicalizationheader",
        "senderheaders",
        "sendermacro",
        "setuppolicyscript",
        "smtpuri",
        "statistics",
        "statisticsname",
        "statisticspolicyscript",
        "statisticsprefix",
        "trustsignaturesfrom",
        "vbr-certifiers",
        "vbr-purgefields",
        "vbr-trustedcertifiers",
        "vbr-trustedcertifiersonly",
        "vbr-type",
    }
)
"""Directives that affect what becomes of mail, and have no counterpart."""
