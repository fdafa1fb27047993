"""The program as a whole, mostly in processes of its own: help, pipes, signals, what it imports."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import click
import dns.query
import mail
import pytest
from program import Run, process

import mailauth
from mailauth import reading
from mailauth.cli import command as program
from mailauth.cli.names import OTHER_COMMANDS, OTHER_OPTIONS

SIGN = ["sign", "-d", mail.DOMAIN, "-s", "rsa", "-k", "rsa.pem"]
COMMANDS = [
    "arc",
    "check",
    "check-config",
    "demo",
    "dmarc",
    "forward",
    "import",
    "keygen",
    "milter-test",
    "ps",
    "record",
    "replay",
    "serve",
    "sign",
    "spf",
    "srs",
    "testkey",
    "verify",
]
GROUPS = (["arc"], ["dmarc"], ["import"], ["record"], ["spf"], ["srs"])
HEAVY = ["dns", "asyncio", "socket", "ssl", "email", "mailbox", "tempfile", "json", "dkim"]
HERE = {**os.environ, "PYTHONPATH": str(Path(mailauth.__file__).parents[1])}


def test_version(run: Run) -> None:
    assert run("--version").text == f"mailauth {mailauth.__version__}\n"


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("names", [[], *([name] for name in COMMANDS), ["record", "dkim"]])
def test_help(run: Run, names: list[str], option: str) -> None:
    done = run(*names, option)
    assert done.status == 0
    assert done.text.startswith(" ".join(["Usage: mailauth", *names]))
    assert "\n  mailauth " in done.text or names in GROUPS, "help has an example"


def test_the_list_of_commands_is_theirs() -> None:
    context = program.make_context("mailauth", ["demo"])
    assert program.list_commands(context) == COMMANDS
    listed = program.get_help(context)
    for name in COMMANDS:
        command = program.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert f"{name} " in listed
        assert command.get_short_help_str(80) in listed


@pytest.mark.parametrize("arguments", [[], ["none"], ["sign"], ["--none"], ["record", "none"]])
def test_misuse_shows_the_usage(run: Run, arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.status, done.octets) == (2, b"")
    assert done.complaint.startswith("Usage: mailauth")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("genkey", "do you mean keygen?"),
        ("opendkim-testkey", "do you mean testkey?"),
        ("dkimverify", "do you mean verify?"),
        ("spfquery", "do you mean spf check?"),
        ("verfy", "do you mean verify?"),
        ("dkim-genkey", "do you mean keygen?"),
        ("checkdmarc", "do you mean check?"),
        ("postsrsd", "do you mean serve, or import postsrsd?"),
        ("arc verify", "do you mean mailauth verify?"),
        ("srs encode", "do you mean mailauth srs forward?"),
        ("spf lnt", "do you mean mailauth spf lint?"),
        ("import opendmarc", "write dmarc_actions into [verifying], as in docs/milter.md"),
        ("import xyzzy", "No such command 'xyzzy'."),
        ("xyzzy", "No such command 'xyzzy'."),
    ],
)
def test_a_command_by_another_name_is_told(run: Run, word: str, meant: str) -> None:
    done = run(*word.split(), "--none")
    assert (done.status, done.octets) == (2, b"")
    assert done.complaint.rstrip().endswith(meant)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("keygen -b 2048", "No such option '-b'; do you mean --bits?"),
        ("verify --sender a@example.com", "do you mean --mail-from?"),
        ("spf check --mail-from a@example.com", "do you mean --sender?"),
        ("spf check --debug", "do you mean --explain?"),
        ("srs forward a@example.com --alias example.org", "do you mean --domain?"),
        ("testkey -n 192.0.2.1", "do you mean --nameserver?"),
        ("verify --hepl", "--help"),
        ("ps -n", "No such option '-n'."),
    ],
)
def test_an_option_by_another_name_is_told(run: Run, words: str, meant: str) -> None:
    done = run(*words.split())
    assert (done.status, done.octets) == (2, b"")
    assert meant in done.complaint


def test_what_others_call_an_option_is_one_of_ours() -> None:
    ours = set(_options(program))
    for names in OTHER_OPTIONS.values():
        assert ours.issuperset(names)


def _options(command: click.Command) -> Iterator[str]:
    context = click.Context(command)
    for parameter in command.params:
        yield from parameter.opts
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _options(below)


def test_what_others_call_a_command_is_one_of_ours() -> None:
    for name in OTHER_COMMANDS.values():
        command: click.Command | None = program
        for word in name.partition("--")[0].split():
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(command), word)
        assert command is not None


@pytest.mark.parametrize(
    "arguments",
    [
        ["check-config", "-c", "x.toml"],
        ["import", "pfix-srsd", "example.com"],
        ["milter-test", "mail.eml", "-c", "x.toml"],
        ["ps", "-c", "x.toml"],
        ["serve", "-c", "x.toml"],
    ],
)
def test_without_the_service_it_says_how_to_get_it(
    run: Run, lack: Callable[[str], None], arguments: list[str]
) -> None:
    lack("msgspec")
    done = run(*arguments)
    assert done.refused
    assert done.complaint.endswith("pip install '.[service]' in a clone of mailauth\n")


def test_without_templates_no_message_is_judged_for_a_page(
    run: Run, lack: Callable[[str], None]
) -> None:
    lack("jinja2")
    done = run("verify", "--html", "page.html", "mail.eml")
    assert done.refused
    assert done.complaint.startswith("mailauth: web pages need packages that are not installed: ")


@pytest.mark.usefixtures("desk")
def test_signing_starts_without_the_dns() -> None:
    code = (
        "import sys; from mailauth.cli import main\n"
        "try: main(sys.argv[1:])\n"
        f"finally: print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    # Measuring coverage would import what is looked for.
    unmeasured = {name: value for name, value in HERE.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-c", code, *SIGN, "mail.eml"],
        check=True,
        capture_output=True,
        env=unmeasured,
    )
    assert done.stdout.startswith(b"DKIM-Signature:")
    assert done.stderr == b"[]\n"


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("output", [(), ("-o", "/dev/stdout")], ids=["nothing", "/dev/stdout"])
def test_a_pipeline(output: tuple[str, ...]) -> None:
    signed = process(*SIGN, *output, input=mail.MESSAGE)
    verified = process("verify", "--zone", "zone.json", input=signed.stdout)
    assert (signed.returncode, signed.stderr) == (0, b"")
    assert (verified.returncode, verified.stderr) == (0, b"")
    assert verified.stdout.startswith(b"-:\n  pass      d=example.com s=rsa a=rsa-sha256")


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("arguments", [[*SIGN, "mail.eml"], ["verify", "mail.eml"], ["--version"]])
def test_a_closed_pipe_is_quiet(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = process(*arguments, stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.usefixtures("desk")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("arguments", [[*SIGN, "mail.eml"], ["verify", "mail.eml"], ["--version"]])
def test_a_full_disk_is_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = process(*arguments, stdout=full)
    assert done.returncode == 2
    assert done.stderr == b"mailauth: the output cannot be used: No space left on device\n"


@pytest.mark.parametrize("lacking", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_a_system_with_nothing_left_is_not_said_of_the_output(
    run: Run, monkeypatch: pytest.MonkeyPatch, lacking: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(lacking, os.strerror(lacking))

    monkeypatch.setattr(dns.query, "udp", refuse)
    done = run("spf", "check", "--ip", "192.0.2.1", "--helo", "mx.example", "--nameserver", "::1")
    assert done.status == 75
    assert done.complaint == f"mailauth: the system is out of resources: {os.strerror(lacking)}\n"


@pytest.mark.usefixtures("desk")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize(
    "arguments", [["verify", "none.eml"], ["verify", "--non"], ["srs", "forward", "--secrets", "x"]]
)
def test_a_complaint_that_cannot_be_written_is_no_verdict(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = process(*arguments, stderr=full)
    assert done.returncode == 2


@pytest.mark.usefixtures("desk")
def test_a_lack_of_memory_is_no_verdict(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise MemoryError

    monkeypatch.setattr(reading, "rest_of", refuse)
    done = run("verify", "--zone", "zone.json", "mail.eml")
    assert (done.status, done.octets) == (75, b"")
    assert done.complaint == "mailauth: the system is out of resources: Cannot allocate memory\n"


@pytest.mark.skipif(sys.platform != "linux", reason="others keep a folder that is in use")
@pytest.mark.parametrize(
    "arguments", [["serve", "--config", "mailauth.toml"], [*SIGN, "--in-place", "a.eml", "b.eml"]]
)
def test_a_folder_that_is_gone_is_not_said_of_the_output(
    run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    _lose(desk, monkeypatch)
    keys = [str(desk / word) if word == "rsa.pem" else word for word in arguments]
    done = run(*keys)
    assert done.refused
    assert done.complaint == (
        "mailauth: the working folder has been deleted: change to another one, "
        "or give names that begin with /\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="others keep a folder that is in use")
def test_standard_input_is_signed_in_a_folder_that_is_gone(
    run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _lose(desk, monkeypatch)
    keys = [str(desk / word) if word == "rsa.pem" else word for word in SIGN]
    assert run(*keys, given=mail.MESSAGE).text.startswith("DKIM-Signature:")


def _lose(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder that no longer exists."""
    lost = desk / "lost"
    lost.mkdir()
    monkeypatch.chdir(lost)
    lost.rmdir()


@pytest.mark.usefixtures("desk")
def test_an_interrupt_is_quiet() -> None:
    os.mkfifo("fifo")
    # Where tests run in the background, a child inherits that SIGINT is ignored.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from mailauth.cli import main; main(sys.argv[1:])"
    )
    with (
        subprocess.Popen(
            [sys.executable, "-c", code, *SIGN, "fifo"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=HERE,
        ) as started,
        Path("fifo").open("wb"),
    ):  # it reads now, and waits
        started.send_signal(signal.SIGINT)
        out, err = started.communicate(timeout=30)
    assert (started.returncode, out, err) == (130, b"", b"")


@pytest.mark.usefixtures("desk")
def test_any_name_is_printed_on_any_terminal() -> None:
    Path("ë日.eml").write_bytes(mail.MESSAGE)
    done = process("verify", "ë日.eml", env={"PYTHONIOENCODING": "iso-8859-1"})
    assert done.returncode == 1
    assert done.stdout.startswith(b"\xeb\\u65e5.eml:")


@pytest.mark.usefixtures("desk")
def test_a_shell_is_given_completions() -> None:
    asked = {"_MAILAUTH_COMPLETE": "bash_complete", "COMP_WORDS": "mailauth s", "COMP_CWORD": "1"}
    done = process(env=asked)
    assert done.stdout == b"plain,serve\nplain,sign\nplain,spf\nplain,srs\n"
