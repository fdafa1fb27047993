"""What to publish instead, by the code of a finding in an SPF record."""

from typing import Final

REMEDIES: Final = {
    "none": "publish one TXT record at the name: v=spf1 with your senders and -all",
    "several": "put the terms of all into one record, and withdraw the others",
    "version": "begin the record with v=spf1 and a space",
    "syntax": "correct the term that is shown; the whole record is void until then",
    "lookups": "remove includes of services that you no longer use; name your own hosts by ip4: "
    "and ip6:, or put a service on a subdomain of its own",
    "void": "remove the terms whose names have no records",
    "unknown-name": "remove the term, or publish the addresses of what it names",
    "void-family": "name the hosts by ip4: or ip6:, or publish addresses of that family",
    "exp": "publish one TXT record at the name, or remove exp=",
    "loop": "remove the include of the domain itself",
    "many-mx": "name the senders by ip4: and ip6: instead of mx",
    "null-mx": "remove the mx",
    "ptr": "name the hosts by a:, ip4: or ip6: instead",
    "p-macro": "use another macro, such as %{i}, or name the hosts",
    "wide": "name the networks that really send, or the single hosts",
    "twice": "remove one of them",
    "modifier": "remove it; a mechanism has a colon, as in ip4:192.0.2.1",
    "no-all": "add -all, or ~all while you are not sure of your senders",
    "exists": "name the host by a:, or name the client by a macro such as %{i}",
    "pass-all": "end the record with -all or ~all",
    "neutral-all": "end the record with -all or ~all",
    "redirect": "remove redirect= or the all",
    "after-all": "move the term before the all, or remove it",
    "size": "shorten the record, or move terms to an include, or other TXT records to names of "
    "their own",
    "strings": "give the record as strings of 255 octets; mailauth record spf writes them so",
    "sender-id": "withdraw the record that begins with spf2.0",
    "ttl": "give the record a TTL of 3600",
    "unseen": "nothing; spf check --explain shows it for one client",
    "unfinished": "remove includes: no receiver follows so many",
}
"""Every code but dns, for which no other record would help."""
