"""The milter within the service: its log, its figures, its files, and its reload."""

import asyncio
import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import descriptors
import mail as mails
import mta
import pytest
from milter_service import AUTHSERV_ID, THEIRS, MilterService, inserted, key_file
from nameserver import drops, from_zone, serve
from program import process

from mailauth.authres import MethodResult
from mailauth.dns import Lookups, Question, Zone, ask
from mailauth.milter import Record
from mailauth.milter.protocol.replies import CONTINUE, ChangeHeader, Refusal
from mailauth.milter.settings import Action
from mailauth.service.listeners.milters import CountingResolver, MilterWatch
from mailauth.service.settings.configuration import BadConfiguration
from mailauth.service.start import check
from mailauth.service.telling.beat import Figure
from mailauth.service.telling.tally import Tally

pytestmark = pytest.mark.loopback

RECORDS = {
    "rsa._domainkey.example.com": {"TXT": [mails.record("rsa")]},
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]},
    "client.example.com": {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]},
}


@pytest.fixture
def service() -> Iterator[MilterService]:
    """The service beside a nameserver."""
    with serve(from_zone(Zone(RECORDS))) as nameserver:
        one = MilterService(nameserver.where)
        try:
            yield one
        finally:
            one.close()


def test_mail_goes_out_signed_and_comes_in_judged(service: MilterService) -> None:
    service.start()
    out = service.deliver()
    field = inserted(out, "DKIM-Signature")
    assert out.reply is CONTINUE
    assert "d=example.com; s=rsa;" in field
    signed = b"DKIM-Signature:" + field.replace("\n", "\r\n").encode() + b"\r\n" + mails.MESSAGE
    assert mails.verdict(signed, now=int(time.time())).result == "pass"
    forged = f"Authentication-Results: {AUTHSERV_ID}; dkim=pass\r\n".encode()
    judged = service.deliver(forged + signed, THEIRS)
    results = inserted(judged, "Authentication-Results")
    assert results.startswith(f" {AUTHSERV_ID};")
    assert "dkim=pass" in results
    assert "spf=pass" in results
    assert ChangeHeader(1, b"Authentication-Results") in judged.changes


def test_each_listener_has_its_role(service: MilterService) -> None:
    service.start()
    signed, judged = (service.deliver(address=at) for at in (service.sign, service.verify))
    assert inserted(signed, "DKIM-Signature")
    assert not inserted(judged, "DKIM-Signature")
    assert "dkim=none" in inserted(judged, "Authentication-Results")
    assert service.deliver(envelope=THEIRS, address=service.sign).changes == ()


def test_OPS_05_one_line_of_the_log_for_each_message(service: MilterService) -> None:
    service.set_up(log="json")
    service.start()
    for number in range(30):  # more than the log takes of like lines
        service.deliver(queue_id=f"Q{number}")
    service.deliver(envelope=THEIRS, queue_id="IN\n")
    service.wait_for_log("spf=pass")
    entries = [json.loads(line) for line in service.log().splitlines() if '"queue_id"' in line]
    assert sorted(one["queue_id"] for one in entries) == sorted(
        ["IN\n", *(f"Q{number}" for number in range(30))]
    )
    out = next(one for one in entries if one["queue_id"] == "Q7")
    assert out["signatures"] == ["d=example.com s=rsa"]
    assert out["client"] == "127.0.0.1"
    assert out["sender"] == "ada@example.com"
    came = next(one for one in entries if one["queue_id"] == "IN\n")
    told = ["spf=pass", "spf=pass", "dkim=none", "dmarc=none"]
    assert [word.split()[0] for word in came["results"]] == told
    assert came["dns_seconds"] > 0
    assert came["action"] == "header"


def test_OPS_05_a_line_of_text_has_reasons_and_no_words_of_a_client(service: MilterService) -> None:
    service.start()
    sender = '"x> client=127.0.0.1 ; ("@example.com'
    theirs = replace(THEIRS, helo="x user=root size=0; y", sender=sender)
    service.deliver(envelope=theirs)
    service.wait_for_log("; dkim none: the message is not signed; ")
    (line,) = (line for line in service.log().splitlines() if "dkim none" in line)
    head = line.partition("; spf none:")[0]
    assert " helo='x user=root size=0; y' user='' size=" in head
    assert f" client=192.0.2.7 from='{sender}' " in head


@pytest.mark.parametrize("log", ["text", "json"])
def test_OPS_05_no_client_is_too_long_to_be_told(service: MilterService, log: str) -> None:
    """Nor does what it says of itself, or its many signatures, push out why it was deferred."""
    service.set_up(log=log, verifying='spf_actions = { none = "tempfail", pass = "tempfail" }')
    service.start()
    long = replace(THEIRS, helo="h" * 900, sender=f"{'s' * 900}@example.com")
    service.deliver(envelope=long, queue_id="QLONG")
    odd = replace(THEIRS, sender="\u0436" * 400 + "@example.com")
    signed = b"".join(
        b"DKIM-Signature: v=1; a=rsa-sha256; d=%b%d.example; s=%b; h=from; bh=AAAA; b=AAAA\r\n"
        % (b"d" * 60 + b".", number, b"s" * 60)
        for number in range(10)
    )
    service.deliver(signed + mails.MESSAGE, envelope=odd, queue_id="QMANY")
    for queue_id in ("QLONG", "QMANY"):
        service.wait_for_log(queue_id)
        (line,) = (line for line in service.log().splitlines() if queue_id in line)
        if log == "json":
            entry = json.loads(line)
            assert (entry["client"], entry["queue_id"]) == ("192.0.2.7", queue_id)
            assert entry["action"] == "tempfail"
            assert entry["reply"].startswith("451 ")
        else:
            assert f"{queue_id}: marked " in line
            assert "tempfail: 451 " in line
            assert " client=192.0.2.7 from='" in line
            assert ("; spf none: " in line) or queue_id == "QMANY"


def test_PFX_10_an_explanation_forges_no_value_of_the_line(service: MilterService) -> None:
    """Words of the sender's domain come after all that is known of the client (RFC 7208 §6.2)."""
    why = "; client=203.0.113.5 from='boss@example.com' user='root'"
    forged = Zone(
        {
            "example.com": {"TXT": ["v=spf1 -all exp=why.example.com"]},
            "why.example.com": {"TXT": [why]},
        }
    )
    with serve(from_zone(forged)) as nameserver:
        service.nameserver = nameserver.where
        service.set_up(verifying='spf_actions = { fail = "reject" }')
        service.start()
        assert why in str(service.deliver(envelope=THEIRS).reply)
    service.wait_for_log("4XqZ")
    (line,) = (line for line in service.log().splitlines() if "4XqZ" in line)
    head, _, told = line.partition(" total=")
    assert "reject: 550 5.7.23; client=192.0.2.7 from='ada@example.com'" in head
    assert "203.0.113.5" not in head
    assert f"the domain explains: {why}" in told


def test_figures_are_told_by_ps_and_metrics(service: MilterService) -> None:
    service.start()
    service.deliver()
    service.deliver(envelope=THEIRS)
    service.deliver(envelope=THEIRS)
    where = f'listener="{service.milter}"'
    wanted = (  # which each worker tells with its next beat
        f'messages_total{{{where},result="judged"}} 2.0',
        f'messages_total{{{where},result="signed"}} 1.0',
        f'verdicts_total{{{where},method="spf",result="pass"}} 4.0',
        f'verdicts_total{{{where},method="dkim",result="none"}} 2.0',
    )
    service.wait_for(lambda: all(figure in service.metrics() for figure in wanted))
    told = service.metrics()
    asked = float(told.split(f"mailauth_dns_questions_total{{{where}}} ")[1].split("\n")[0])
    assert asked >= 2
    out = process("ps", "-c", str(service.file)).stdout.decode()
    ends = "signed 1  judged 2  passed 0  stopped 0  deferred 0  refused 0  quarantined 0"
    assert f"messages  {ends}" in out
    assert "spf  pass 4\ndkim  none 2\ndmarc  none 2\ndns  asked " in out
    by_name = json.loads(process("ps", "-c", str(service.file), "--json").stdout)
    figures = by_name["figures"][service.milter]
    assert [figures[name] for name in ("signed", "judged", "spf_pass", "dkim_none")] == [1, 2, 4, 2]
    workers = [one["figures"]["judged"] for one in by_name["processes"] if one["role"] == "worker"]
    assert sum(workers) == 2


def test_a_question_is_counted_as_asked_or_as_remembered() -> None:
    class Once:
        """A resolver that remembers whatever it was asked."""

        has_answered = False

        def remembered(self, question: Question) -> Question | None:
            return question if self.has_answered else None

        async def run(self, lookups: Lookups[Any]) -> Any:
            result = Zone(RECORDS).run(lookups)
            self.has_answered = True
            return result

    tally = Tally()
    resolver = CountingResolver(Once(), tally)  # type: ignore[arg-type]
    for asked, remembered in ((1, 0), (1, 1), (1, 2)):
        lookups: Lookups[Any] = ask.txt("example.com")
        answer: Any = asyncio.run(resolver.run(lookups))
        assert answer.records == (b"v=spf1 ip4:192.0.2.7 -all",)
        assert tally.figures[Figure.DNS_QUESTIONS] == asked
        assert tally.figures[Figure.DNS_REMEMBERED] == remembered


def test_a_message_that_is_refused_unjudged_has_not_passed(service: MilterService) -> None:
    service.start()
    forged = f"Authentication-Results: {AUTHSERV_ID}; spf=pass\r\n".encode() * 1001
    assert isinstance(service.deliver(forged + mails.MESSAGE, THEIRS).reply, Refusal)

    def told() -> str:
        return process("ps", "-c", str(service.file)).stdout.decode()

    service.wait_for(lambda: "refused 1" in told(), "the beat")
    ends = "signed 0  judged 0  passed 0  stopped 1  deferred 0  refused 1  quarantined 0"
    assert f"messages  {ends}" in told()


@pytest.mark.parametrize("what", ["key_table", "signing_table", "networks_file"])
def test_tables_are_read_again_when_they_change(service: MilterService, what: str) -> None:
    other = key_file(service.folder, "other.pem")
    files = {
        "key_table": f"one example.com:rsa:{service.key}\nother example.com:other:{other}\n",
        "signing_table": "*@example.com one\n",
        "networks_file": "127.0.0.1\n",
    }
    changed = {
        "key_table": files["key_table"].replace(":rsa:", ":later:"),
        "signing_table": "*@example.com other\n",
        "networks_file": "192.0.2.1\n",
    }
    for name, text in files.items():
        (service.folder / name).write_text(text)
    service.set_up(
        signing=f'key_table = "{service.folder}/key_table"\nnetworks = []\n'
        f'signing_table = "refile:{service.folder}/signing_table"\n'
        f'networks_file = "{service.folder}/networks_file"\n'
    )
    service.start()
    assert "s=rsa;" in inserted(service.deliver(address=service.sign), "DKIM-Signature")
    (service.folder / what).write_text(changed[what])
    service.wait_for(lambda: service.status()["generation"] == 2, "the change to be seen")
    assert f"/{what} has changed" in service.log()
    found = inserted(service.deliver(address=service.sign), "DKIM-Signature")
    want = {"key_table": "s=later;", "signing_table": "s=other;", "networks_file": ""}[what]
    assert want in found
    assert bool(found) == bool(want)


def test_a_table_that_is_broken_by_a_change_stays_as_it_was(service: MilterService) -> None:
    table = service.folder / "signing_table"
    table.write_text("*@example.com one\n")
    (service.folder / "key_table").write_text(f"one example.com:rsa:{service.key}\n")
    service.set_up(
        signing=f'key_table = "{service.folder}/key_table"\nsigning_table = "refile:{table}"\n'
    )
    service.start()
    table.write_text("*@example.com none\n")
    log = service.wait_for_log("not reloaded: ", "the old configuration")
    assert f"{table}:1: the KeyTable has no key 'none'" in log
    assert inserted(service.deliver(), "DKIM-Signature")
    table.write_text("*@example.com one\n# mended\n")
    service.wait_for(lambda: service.status()["generation"] == 2, "the mended table")


def test_OPS_02_a_key_that_becomes_unreadable_goes_on(service: MilterService) -> None:
    service.start()
    service.key.chmod(0o644)
    since = len(service.log())
    service.reload()
    assert "the previous key stays in use" in service.log()[since:]
    assert inserted(service.deliver(), "DKIM-Signature")
    service.key.unlink()
    mails.key("ed25519").write(service.key)  # within the workers, without a reload
    service.wait_for(
        lambda: "a=ed25519" in inserted(service.deliver(), "DKIM-Signature"), "the new key"
    )


def test_OPS_01_an_unreadable_key_is_an_error_at_the_start(service: MilterService) -> None:
    service.key.chmod(0o644)
    service.spawn()
    assert service.wait() == 2
    lines = service.file.read_text().splitlines()
    number = lines.index(f'file = "{service.key}"') + 1
    assert f"{service.file}:{number}: signing.key[1].file: the key file" in service.log()
    assert "run: chmod 600" in service.log()


def test_a_new_key_that_is_unreadable_stops_the_reload(service: MilterService) -> None:
    service.start()
    row = f'[[signing.key]]\ndomain = "example.com"\nselector = "rsa"\nfile = "{service.key}"\n'
    service.set_up(signing=row + row.replace(str(service.key), "/nowhere/key"))
    service.signal(signal.SIGHUP)
    service.wait_for_log("not reloaded", "/nowhere/key does not exist")
    assert inserted(service.deliver(), "DKIM-Signature")


def test_MIL_14_a_reload_finishes_the_message_in_work(service: MilterService) -> None:
    """Half a message is under way, its other half comes after the reload."""
    service.start()
    client = service.mta()
    frames = mta.message(mails.MESSAGE)
    client._socket.sendall(
        b"".join([mta.connect("127.0.0.1"), mta.helo(), mta.mail(), *frames[:5]])
    )
    service.signal(signal.SIGHUP)
    service.wait_for(lambda: service.status()["generation"] == 2, "the reload")
    client._socket.sendall(b"".join(frames[5:-1]))
    client._send(frames[-1])
    assert inserted(client._answer(), "DKIM-Signature")
    client.close()


def test_MIL_14_a_stop_defers_what_does_not_end(service: MilterService) -> None:
    service.set_up(stop=1)
    service.start()
    with service.connect(service.milter) as client:
        client.sendall(mta.offer() + mta.connect() + mta.helo() + mta.mail())
        assert client.recv(100)
        begun = time.monotonic()
        assert service.stop() == 0
        assert client.recv(100) == b"", "closed, so the MTA defers the message"
        assert time.monotonic() - begun >= 0.9


def test_MIL_09_a_silent_DNS_is_a_temperror_in_time() -> None:
    with serve(drops) as nameserver:
        service = MilterService(nameserver.where)
        try:
            service.set_up(verifying='[verifying.spf_actions]\ntemperror = "tempfail"\n')
            service.start()
            answer = service.deliver(envelope=THEIRS)
            assert isinstance(answer.reply, Refusal)
            assert (answer.reply.code, answer.reply.enhanced) == (451, "4.7.24")
        finally:
            service.close()


def test_OPS_09_a_milter_without_descriptors_defers(service: MilterService) -> None:
    """It cannot ask the DNS, and that is no fault of the DNS: no domain is to pass for silent."""
    service.set_up(workers=1)
    service.start(preexec_fn=partial(descriptors.few, 48))
    judged = service.mta(service.verify)
    silent = [service.connect(service.verify) for _ in range(100)]
    service.wait_for_log("cannot accept: Too many open files")
    answer = judged.deliver(THEIRS, mails.MESSAGE, queue_id="4XqZ")
    assert isinstance(answer.reply, Refusal)
    assert (answer.reply.code, answer.changes) == (451, ())
    for client in silent:
        client.close()
    judged.close()

    def is_judged() -> bool:
        again = service.try_to_deliver(mails.MESSAGE, THEIRS)
        return again is not None and "spf=pass" in inserted(again, "Authentication-Results")

    service.wait_for(is_judged, "descriptors again")
    assert service.status()["restarts"]["total"] == 0


def test_MIL_22_a_dry_run_only_tells(service: MilterService) -> None:
    service.set_up(
        "[milter]\ndry_run = true\njudging = 10\n",
        verifying='[verifying.dkim_actions]\nnone = "reject"\n',
    )
    service.start()
    assert service.deliver().changes == ()
    answer = service.deliver(envelope=THEIRS)
    assert (answer.reply, answer.changes) == (CONTINUE, ())
    log = service.wait_for_log("would be marked", "would be signed")
    assert "reject: 550 5.7.20; client=" in log
    assert "; told: the DKIM result for the message is none\n" in log


def test_MIL_22_a_deferral_is_a_warning_and_a_dry_run_counts_nothing_as_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tally = Tally()
    watch = MilterWatch(tally, "unix:/x")
    record = Record("Q", "192.0.2.7", "mx", "", "", 1, 9, ours=False, removed=2)
    with caplog.at_level("INFO"):
        watch.ended(
            watch.started(), record._replace(action=Action.TEMPFAIL, reply="451 4.3.0 Later")
        )
        before = list(tally.figures)
        for action in Action:
            would = record._replace(action=action, new_sender="SRS0=x@y", returned=1, dry_run=True)
            watch.ended(watch.started(), would)
    assert caplog.records[0].levelname == "WARNING"
    assert before[Figure.REMOVED_FIELDS] == 2
    assert before[Figure.DEFERRED] == before[Figure.STOPPED] == 1
    before[Figure.PASSED] += len(Action)
    assert list(tally.figures) == before


TOLD: dict[str, tuple[dict[str, Any], Figure, str]] = {
    "signed": ({"signatures": ("d=a s=x",)}, Figure.SIGNED, "Q: signed by d=a s=x, header: "),
    "signed without forged fields": (
        {"signatures": ("d=a s=x",), "removed": 2},
        Figure.SIGNED,
        "Q: signed by d=a s=x, forged fields removed: 2, header: ",
    ),
    "judged": (
        {"results": (MethodResult("spf", "fail", "why"), MethodResult("dkim", "pass", "good"))},
        Figure.JUDGED,
        "Q: marked spf=fail dkim=pass, header: continue; client=.* total=0.000; spf fail: why$",
    ),
    "judged otherwise by another": (
        {
            "results": (MethodResult("spf", "pass"),),
            "differences": ("x says spf=fail", "y says spf=none"),
            "notes": ("judged as from 192.0.2.9",),
        },
        Figure.JUDGED,
        "Q: marked spf=pass, header: .* total=0.000; judged as .*; x says spf=fail; y says ",
    ),
    "judged without forged fields": (
        {"results": (MethodResult("spf", "pass"),), "removed": 2},
        Figure.JUDGED,
        "Q: marked spf=pass, forged fields removed: 2, header: ",
    ),
    "to be signed": ({"ours": True}, Figure.PASSED, "Q: not signed, header: "),
    "to be signed, without forged fields": (
        {"ours": True, "removed": 2},
        Figure.PASSED,
        "Q: not signed, forged fields removed: 2, header: ",
    ),
    "nothing": ({}, Figure.PASSED, "Q: left as it is, .* helo='mx' .* total=0.000$"),
    "stopped": ({"action": Action.REJECT}, Figure.STOPPED, "Q: left as it is, reject: "),
    "refused": (
        {"action": Action.REJECT, "reply": "550 5.7.1 in many words"},
        Figure.STOPPED,
        "Q: left as it is, reject: 550 5.7.1; client=.* total=0.000; told: in many words$",
    ),
    "rewritten": (
        {"new_sender": "SRS0=x@y", "returned": 2},
        Figure.PASSED,
        "Q: rewritten, .* total=0.000; sender now <SRS0=x@y>; SRS recipients reversed: 2$",
    ),
    "long": ({"helo": "x" * 257}, Figure.PASSED, f"helo='{'x' * 256}\\.\\.\\.' "),
}


@pytest.mark.parametrize(("fields", "figure", "told"), TOLD.values(), ids=TOLD)
def test_what_the_log_and_the_figures_tell_of_a_message(
    caplog: pytest.LogCaptureFixture, fields: dict[str, Any], figure: Figure, told: str
) -> None:
    tally = Tally()
    watch = MilterWatch(tally, "unix:/x")
    record = Record("Q", "192.0.2.7", "mx", "", "", 1, 9, ours=False)._replace(**fields)
    with caplog.at_level("INFO"):
        work = watch.started()
        assert tally.oldest() > 0
        watch.ended(work, record)
    assert tally.oldest() == 0
    assert re.search(told, caplog.messages[0]), caplog.messages[0]
    came_to = (Figure.SIGNED, Figure.JUDGED, Figure.PASSED, Figure.STOPPED)
    assert [each for each in came_to if tally.figures[each]] == [figure]
    assert tally.figures[Figure.SENDERS_REWRITTEN] == bool(record.new_sender)
    assert tally.figures[Figure.BOUNCES_RETURNED] == record.returned
    assert tally.figures[Figure.DIFFERENT] == bool(record.differences)


@pytest.mark.parametrize("name", ["{auth_type}", "auth_type"])
def test_macros_are_named_with_braces_or_without(service: MilterService, name: str) -> None:
    row = f'[[signing.key]]\ndomain = "example.com"\nselector = "rsa"\nfile = "{service.key}"\n'
    macros = f'macros = {{ "{name}" = ["PLAIN"] }}\n'
    service.set_up(signing=f"networks = []\n{macros}{row}")
    service.start()
    for given, signed in (("PLAIN", True), ("LOGIN", False)):
        envelope = replace(THEIRS, macros={"{auth_type}": given})
        assert bool(inserted(service.deliver(envelope=envelope), "DKIM-Signature")) is signed


def test_OPS_14_a_milter_that_accepts_and_is_silent_is_replaced(service: MilterService) -> None:
    """The kernel still accepts: only the question from outside shows it."""
    service.set_up(workers=1, probe=0.5, silence=60)
    service.start()
    victim = service.pids()[0]
    os.kill(victim, signal.SIGSTOP)
    service.wait_for_log(f"the worker {victim} or another one did not answer at")
    service.wait_for(lambda: service.pids() not in ([], [victim]), "its successor")
    assert inserted(service.deliver(), "DKIM-Signature")


def test_a_hundred_thousand_domains_delay_no_start(service: MilterService) -> None:
    keys, rows = service.folder / "keys", service.folder / "rows"
    with keys.open("w") as one, rows.open("w") as other:
        for number in range(100_000):
            one.write(f"k{number} d{number}.example:rsa:{service.key}\n")
            other.write(f"*@d{number}.example k{number}\n")
    service.set_up(signing=f'key_table = "{keys}"\nsigning_table = "refile:{rows}"\n', start=20.0)
    service.start()
    author = mails.MESSAGE.replace(b"ada@example.com", b"ada@d99999.example")
    assert "d=d99999.example" in inserted(service.deliver(author), "DKIM-Signature")


def test_messages_during_a_reload_are_all_answered(service: MilterService) -> None:
    service.start()
    answers: list[bool] = []
    done = threading.Event()

    def send() -> None:
        while not done.is_set():
            answers.append(bool(inserted(service.deliver(), "DKIM-Signature")))

    def are_there(number: int) -> bool:
        return len(answers) >= number

    thread = threading.Thread(target=send)
    thread.start()
    try:
        for _ in range(3):
            before = len(answers)
            service.reload()
            service.wait_for(partial(are_there, before + 2), "messages")
    finally:
        done.set()
        thread.join()
    assert all(answers)


def test_OPS_13_every_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text(
        '[[listen]]\nkind = "milter"\naddress = "unix:/y"\nsrs = true\n'
        '[signing]\nnetworks_file = "/nonexistent/n"\n'
        '[[signing.key]]\ndomain = "example.com"\nselector = "a"\nfile = "/nonexistent/k"\n'
        '[verifying]\nauthserv_id = "x"\ntrusted_file = "/nonexistent/t"\n'
        '[srs]\ndomain = "example.com"\nsecrets = "/nonexistent/s"\n'
    )
    with pytest.raises(BadConfiguration) as caught:
        check(file)
    assert [line.removeprefix(f"{file}:").partition(": ")[0] for line in caught.value.errors] == [
        "6",
        "10",
        "13",
        "16",
    ]


def test_OPS_13_check_config_names_every_error(tmp_path: Path, service: MilterService) -> None:
    file = tmp_path / "x.toml"
    file.write_text(
        '[[listen]]\nkind = "miltr"\naddress = "unix:/x"\n'
        '[[listen]]\nkind = "milter"\naddress = "unix:/y"\nrole = "verify"\nmap = "forward"\n'
        '[dns]\nnameservers = ["127.0.0.1", "ns.example"]\n[milter]\njudging = 20\n'
        '[signing]\nnetworks = ["10.0.0.0/8", "10.0.0.1/8"]\nexpires = 3600\nheaders = ["a b"]\n'
        '[signing.users]\nada = ["example.com", "-"]\n'
        '[[signing.key]]\ndomain = "example.com"\nselector = "a_b"\nauthors = ["x@"]\n'
        f'[[signing.key]]\ndomain = "example.com"\nselector = "a"\nfile = "{service.key}"\n'
        'identity = "%"\n'
        f'[[signing.key]]\ndomain = "example.com"\nselector = "a"\nfile = "{service.key}"\n'
        'identity = "x@other.example"\n'
        f'[[signing.key]]\ndomain = "%"\nselector = "a"\nfile = "{service.key}"\n'
        'identity = "@-a.%"\n'
        f'[[signing.key]]\ndomain = "%"\nselector = "a"\nfile = "{service.key}"\n'
        'identity = "a..b@%"\n'
        f'[[signing.key]]\ndomain = "com"\nselector = "a"\nfile = "{service.key}"\n'
    )
    with pytest.raises(BadConfiguration) as caught:
        check(file)
    lines = [line.removeprefix(f"{file}:") for line in caught.value.errors]
    for start in WRONG:
        assert any(line.startswith(start) for line in lines), (start, lines)
    assert len(lines) == len(WRONG)


WRONG = [
    "2: listen[1].kind: there is no kind 'miltr'; there are milter, socketmap, tcp_table; do you",
    "7: listen[2].role: 'verify' needs a table [verifying]",
    "8: listen[2].map: a milter has no map",
    "10: dns.nameservers[2]: ",
    "12: milter.judging: must be longer than dns.budget, 20 s",
    "14: signing.networks[2]: ",
    "15: signing.expires: is unknown here; do you mean expire?",
    "16: signing.headers: 'a b' is not the name of a header field",
    "18: signing.users.ada: a label with something other than letters",
    "19: signing.key[1].file: is missing",
    "21: signing.key[1].selector: a label with something other than letters",
    "22: signing.key[1].authors[1]: 'x@' would match nobody: an empty label in a name",
    "27: signing.key[2].identity: has no @",
    "32: signing.key[3].identity: must be in example.com or below it",
    "37: signing.key[4].identity: a label with something other than letters",
    "42: signing.key[5].identity: 'a..b' is not a local part",
    "44: signing.key[6].domain: is a top-level domain",
]
