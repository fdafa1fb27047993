"""Names that other programs, or people, use for keys of the configuration."""

from collections.abc import Mapping
from typing import Final

KEYS: Final[Mapping[str, str]] = {
    "domain": "signing.key.domain",
    "domains": "srs.own_domains",
    "domainsfile": "srs.own_domains",
    "dryrun": "milter.dry_run",
    "envelopedatabase": "srs.aliases",
    "excludedomains": "srs.exclude",
    "hostname": "verifying.authserv_id",
    "internalhosts": "signing.networks",
    "keepalive": "limits.idle",
    "key": "signing.key.file",
    "keyfile": "signing.key.file",
    "logformat": "service.log",
    "lookuptime": "dns.budget",
    "mailfromreject": "verifying.spf_actions",
    "metricsport": "service.metrics",
    "onbadsignature": "verifying.dkim_actions",
    "ondnserror": "verifying.dkim_actions",
    "path": "signing.key.file",
    "peerlist": "signing.excluded",
    "processes": "service.workers",
    "prometheus": "service.metrics",
    "rejectfailures": "verifying.dmarc_actions",
    "resolver": "dns.nameservers",
    "sasl": "signing.authenticated",
    "secretsfile": "srs.secrets",
    "selector": "signing.key.selector",
    "signaturettl": "signing.expire",
    "signheaders": "signing.headers",
    "skipaddresses": "verifying.trusted",
    "socket": "listen.address",
    "srsdomain": "srs.domain",
    "testonly": "milter.dry_run",
    "threads": "service.workers",
    "userid": "service.user",
}
"""By such a name, in lower case without `-` and `_`, the key of ours that does the same."""
_LISTS: Final = frozenset({"signing.key", "listen"})
"""The tables of which there may be several."""


def meant(key: str, table: str) -> str:
    """The key probably meant by one that the table lacks, as a sentence names it; or ""."""
    ours = KEYS.get(key.lower().replace("-", "").replace("_", ""), "")
    within, _, name = ours.rpartition(".")
    if within in ("", table):
        return name
    return f"{name} in [[{within}]]" if within in _LISTS else f"{name} in [{within}]"
