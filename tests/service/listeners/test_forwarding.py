"""SRS and DMARC in the milter of the service: its tables, its secrets, its figures."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import mail as mails
import pytest
from milter_service import THEIRS, MilterService, inserted
from nameserver import from_zone, serve
from program import process

from mailauth.dns import Zone
from mailauth.milter.protocol.replies import (
    CONTINUE,
    AddRecipient,
    ChangeFrom,
    DeleteRecipient,
    Refusal,
)
from mailauth.service.settings.configuration import BadConfiguration
from mailauth.service.start import check

pytestmark = pytest.mark.loopback

RECORDS: dict[str, Any] = {
    "example.com": {"TXT": ["v=spf1 -all"]},
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]},
}
LEAVING = replace(THEIRS, recipients=("joe@far.example",))
SRS = """
[srs]
domain = "srs.example"
secrets = "{folder}/secrets"
own_domains = ["ours.example"]
reject_forged = {reject}
{more}
"""


@pytest.fixture
def service() -> Iterator[MilterService]:
    """The service with a listener that does SRS alone, and one for look-ups."""
    with serve(from_zone(Zone(RECORDS))) as nameserver:
        one = MilterService(nameserver.where)
        secrets = one.folder / "secrets"
        secrets.write_text("a secret for the tests\n")
        secrets.chmod(0o600)
        try:
            yield one
        finally:
            one.close()


def with_srs(service: MilterService, *, reject: bool = False, more: str = "", **how: Any) -> str:
    """The address of the listener that does SRS."""
    where = f"unix:{service.folder}/srs"
    text = SRS.format(folder=service.folder, reject=str(reject).lower(), more=more)
    text += f'[[listen]]\nkind = "milter"\nrole = "srs"\naddress = "{where}"\n'
    text += f'[[listen]]\nkind = "socketmap"\naddress = "unix:{service.folder}/maps"\n'
    service.set_up(text, **how)
    service.start()
    return where


def look_up(service: MilterService, map_name: str, key: str) -> str:
    question = f"{map_name} {key}"
    with service.connect(f"unix:{service.folder}/maps") as client:
        client.sendall(f"{len(question)}:{question},".encode())
        return client.recv(4096).decode().partition(":")[2].removesuffix(",")


def test_the_milter_and_the_maps_say_the_same(service: MilterService) -> None:
    where = with_srs(service)
    (change,) = service.deliver(envelope=LEAVING, address=where).changes
    assert isinstance(change, ChangeFrom)
    address = change.address.decode().strip("<>")
    assert look_up(service, "forward", "ada@example.com") == f"OK {address}"
    back = service.deliver(
        envelope=replace(THEIRS, sender="", recipients=(address,)), address=where
    )
    assert back.changes == (
        DeleteRecipient(f"<{address}>".encode()),
        AddRecipient(b"<ada@example.com>"),
    )
    sent = "--mail-from", "ada@example.com", "--rcpt", "joe@far.example", "--rcpt", address
    told = process("milter-test", "-", "--socket", where, *sent, input=mails.MESSAGE)
    assert told.stdout.decode().splitlines() == [
        f"delete recipient  address <{address}>",
        "add recipient  address <ada@example.com>",
        f"sender  address <{address}>",
        "reply  continue",
    ]
    stays = replace(THEIRS, recipients=("joe@ours.example",))
    assert service.deliver(envelope=stays, address=where).changes == ()
    service.wait_for_log("rewritten, header: continue; client=", " from='ada@example.com'")
    service.wait_for_log(f"; sender now <{address}>")
    service.wait_for_log("; SRS recipients reversed: 1")


def test_SRS_01_forged_recipients_are_counted_and_may_be_refused(service: MilterService) -> None:
    where = with_srs(service, reject=True)
    forged = replace(THEIRS, sender="", recipients=("srs0=AAAA=BB=example.com=ada@srs.example",))
    verdict = service.deliver(envelope=forged, address=where).reply
    assert isinstance(verdict, Refusal)
    assert (verdict.code, verdict.enhanced) == (550, "5.1.1")
    service.wait_for_log(f"forged or expired SRS recipient '{forged.recipients[0]}'")
    figure = f'bounces_forged_total{{listener="{where}"}} 1.0'
    service.wait_for(lambda: figure in service.metrics())


def test_a_long_sender_is_stored_by_each_worker_alike(service: MilterService) -> None:
    more = f'long_senders = "store"\naliases = "{service.folder}/aliases"'
    where = with_srs(service, more=more)
    long = replace(LEAVING, sender="l" * 60 + "@example.com")
    found = {str(service.deliver(envelope=long, address=where).changes) for _ in range(6)}
    assert len(found) == 1
    assert "=1=" in found.pop()


def test_a_store_that_fails_is_told_in_one_line(service: MilterService) -> None:
    aliases = service.folder / "aliases"
    where = with_srs(service, more=f'long_senders = "store"\naliases = "{aliases}"')
    with closing(sqlite3.connect(aliases)) as other:
        other.execute("DROP TABLE senders")
    long = replace(LEAVING, sender="l" * 60 + "@example.com")
    verdict = service.deliver(envelope=long, address=where).reply
    assert isinstance(verdict, Refusal)
    assert verdict.code == 451
    told = f"{aliases} cannot be used: no such table: senders; the message 4XqZ is deferred"
    assert "Traceback" not in service.wait_for_log(told)


def test_a_listener_for_all_does_srs_if_it_is_told_to(service: MilterService) -> None:
    where = f"unix:{service.folder}/all"
    text = SRS.format(folder=service.folder, reject="false", more="")
    service.set_up(f'{text}[[listen]]\nkind = "milter"\nsrs = true\naddress = "{where}"\n')
    service.start()
    answer = service.deliver(envelope=LEAVING, address=where)
    assert inserted(answer, "Authentication-Results")
    assert any(isinstance(each, ChangeFrom) for each in answer.changes)
    without = service.deliver(envelope=LEAVING).changes
    assert not any(isinstance(each, ChangeFrom) for each in without)

    want = f'mailauth_senders_rewritten_total{{listener="{where}"}} 1.0'
    service.wait_for(lambda: want in service.metrics())
    assert 'method="dmarc",result="fail"}' in service.metrics()


def test_what_the_domain_asks_for_is_done_if_it_is_wanted(service: MilterService) -> None:
    service.set_up(verifying='dmarc_actions = { reject = "reject", quarantine = "quarantine" }')
    service.start()
    verdict = service.deliver(envelope=THEIRS).reply
    assert isinstance(verdict, Refusal)
    assert str(verdict).startswith("550 5.7.1 the message fails the DMARC policy of example.com")
    service.set_up(verifying="dmarc = false")
    service.reload()
    answer = service.deliver(envelope=THEIRS)
    assert answer.reply is CONTINUE
    assert "dmarc" not in inserted(answer, "Authentication-Results")


def test_OPS_13_tables_that_contradict_each_other(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text(
        '[[listen]]\nkind = "milter"\naddress = "unix:/x"\nrole = "srs"\n'
        '[[listen]]\nkind = "milter"\naddress = "unix:/y"\nsrs = true\n'
        '[[listen]]\nkind = "socketmap"\naddress = "unix:/z"\nsrs = true\n'
        '[verifying]\nauthserv_id = "mx.example.org"\nspf = false\n'
        'dmarc_actions = { softfail = "reject" }\n'
        'trusted_sealers = ["a..b"]\n'
        'relays = ["192.0.2.1/24"]\n'
        'compare_with = ["OpenDKIM filter"]\n'
    )
    with pytest.raises(BadConfiguration) as caught:
        check(file)
    lines = [line.removeprefix(f"{file}:") for line in caught.value.errors]
    for start in (
        "4: listen[1].role: a milter that does SRS needs a table [srs]",
        "8: listen[2].srs: a milter that does SRS needs a table [srs]",
        "12: listen[3].srs: a socketmap has none; remove this line, which is for milters",
        "15: verifying.spf: DMARC needs it",
        "16: verifying.dmarc_actions",
        "17: verifying.trusted_sealers[1]: ",
        "17: verifying.trusted_sealers: needs arc = true",
        "18: verifying.relays[1]: '192.0.2.1/24' is not a network, but an address in 192.0.2.0/24",
        "19: verifying.compare_with[1]: ",
    ):
        assert any(line.startswith(start) for line in lines), (start, lines)
