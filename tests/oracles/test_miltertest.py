"""OpenDKIM's miltertest as an MTA that nobody here wrote."""

import asyncio
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from filtered import signing, verifying
from mail import DOMAIN, record, signed, verdicts
from milters import serving

from mailauth.dns import Zone
from mailauth.milter.settings import Action, Settings

pytestmark = [pytest.mark.oracle, pytest.mark.loopback]

BODY = "Two  blanks\\r\\nand a line.\\r\\n"
MESSAGE = (
    b"From: Ada <ada@example.com>\r\nSubject: a\r\n folded  one\r\nDate: today\r\n\r\n"
    b"Two  blanks\r\nand a line.\r\n"
)
ZONE = Zone(
    {
        DOMAIN: {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]},
        f"rsa._domainkey.{DOMAIN}": {"TXT": [record("rsa")]},
    }
)
START = """
conn = mt.connect("inet:%d@127.0.0.1")
assert(conn, "no connection")
-- It takes the steps before the actions, whatever its manual says.
assert(mt.negotiate(conn, nil, %s, 511) == nil, "no options")
function expect(what, want, silent)
  if silent and mt.test_option(conn, silent) then return end
  local got = mt.getreply(conn)
  assert(got == want, what .. " was answered with " .. tostring(got))
end
function client(name, address)
  assert(mt.conninfo(conn, name, address) == nil)
  expect("client", SMFIR_CONTINUE, SMFIP_NR_CONN)
  assert(mt.helo(conn, name) == nil)
  expect("HELO", SMFIR_CONTINUE, SMFIP_NR_HELO)
end
function message(sender, headers, body)
  assert(mt.macro(conn, SMFIC_MAIL, "i", "queue-id") == nil)
  assert(mt.mailfrom(conn, sender) == nil)
  expect("MAIL", SMFIR_CONTINUE, SMFIP_NR_MAIL)
  if not mt.test_option(conn, SMFIP_NORCPT) then
    assert(mt.rcptto(conn, "<ben@example.net>") == nil)
    expect("RCPT", SMFIR_CONTINUE, SMFIP_NR_RCPT)
  end
  for _, field in ipairs(headers) do
    assert(mt.header(conn, field[1], field[2]) == nil)
    expect("header", SMFIR_CONTINUE, SMFIP_NR_HDR)
  end
  assert(mt.eoh(conn) == nil)
  expect("end of header", SMFIR_CONTINUE, SMFIP_NR_EOH)
  assert(mt.bodystring(conn, body) == nil)
  expect("body", SMFIR_CONTINUE, SMFIP_NR_BODY)
  assert(mt.eom(conn) == nil)
end
own = {{"From", "Ada <ada@example.com>"}, {"Subject", "a\\n folded  one"}, {"Date", "today"}}
"""


def execute(settings: Settings, script: str, steps: str = "nil") -> str:
    """What miltertest prints while it runs the script against a milter of these settings."""
    program = shutil.which("miltertest")
    if program is None:
        pytest.skip("miltertest is not installed")

    async def run() -> str:
        async with serving(settings, ZONE) as served:
            process = await asyncio.create_subprocess_exec(
                program,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            start = START % (served.where[1], steps)
            text = f"{start}\nok, why = pcall(function()\n{script}\nend)\nmt.echo(tostring(why))\n"
            said, told = await asyncio.wait_for(process.communicate(text.encode()), 20)
            assert said.endswith(b"nil\n"), said + told
            assert served.watch.lines == []
            assert served.watch.faults == []
            return said.decode()

    return asyncio.run(run())


# Without the steps that take replies away (1 is to leave out CONNECT), and with all.
@pytest.mark.parametrize("steps", ["1", "nil"])
def test_what_it_is_given_to_insert_verifies(tmp_path: Path, steps: str) -> None:
    both = replace(verifying(), signing=signing(tmp_path).signing)
    said = execute(
        both,
        f"""
        client("localhost", "127.0.0.1")
        for _ = 1, 3 do
          message("<ada@example.com>", own, "{BODY}")
          expect("the end", SMFIR_CONTINUE)
          assert(mt.eom_check(conn, MT_HDRINSERT, "DKIM-Signature"), "no signature")
          assert(not mt.eom_check(conn, MT_HDRINSERT, "Authentication-Results"))
          mt.echo(mt.getheader(conn, "DKIM-Signature", 0))
        end
        mt.disconnect(conn)
        """,
        steps,
    )
    value = said.split("v=1;")[1]
    field = f"DKIM-Signature: v=1;{value}".rstrip().replace("\r\n", "\n").replace("\n", "\r\n")
    found = verdicts(field.encode() + b"\r\n" + MESSAGE, now=int(time.time()))
    assert {each.result for each in found} == {"pass"}
    assert said.count("v=1;") == 3


@pytest.mark.parametrize("steps", ["1", "nil"])
def test_forged_results_go_and_true_ones_come(steps: str) -> None:
    field, _, rest = signed(b"From: a@example.com\r\n\r\nx\r\n").partition(b"From: ")
    assert rest
    value = field.decode().partition(": ")[2].rstrip().replace("\r\n", "\\n")
    execute(
        verifying(),
        f"""
        client("c.example", "192.0.2.7")
        message("<ada@example.com>", {{
          {{"Authentication-Results", "mx.example.org; dkim=pass"}},
          {{"Authentication-Results", "other.example; dkim=pass"}},
          {{"DKIM-Signature", "{value}"}},
          {{"From", "a@example.com"}},
        }}, "x\\r\\n")
        expect("the end", SMFIR_CONTINUE)
        assert(mt.eom_check(conn, MT_HDRDELETE, "Authentication-Results"), "nothing removed")
        assert(mt.eom_check(conn, MT_HDRINSERT, "Authentication-Results"), "nothing told")
        mt.disconnect(conn)
        """,
        steps,
    )


def test_a_refusal_is_understood() -> None:
    execute(
        verifying(spf_actions={"fail": Action.REJECT}),
        """
        client("c.example", "192.0.2.99")
        message("<ada@example.com>", own, "x\\r\\n")
        expect("the end", SMFIR_REPLYCODE)
        text = "the SPF result for example.com is fail"
        assert(mt.eom_check(conn, MT_SMTPREPLY, "550", "5.7.23", text), "another reply")
        assert(mt.abort(conn) == nil)
        mt.disconnect(conn)
        """,
    )
