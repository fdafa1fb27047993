"""`mailauth.sign` and `mailauth.verify`, with the system's clock and resolver."""

import email
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mail import DOMAIN, MESSAGE, NOW, key, verdict

import mailauth
from mailauth import dns
from mailauth.errors import BadArgument, UnusableKey
from mailauth.syntax.message import Message


@pytest.mark.parametrize("form", ["key", "octets", "PEM", "path", "text"])
def test_sign(form: str, tmp_path: Path) -> None:
    path = tmp_path / "rsa.pem"
    key().write(path)
    pem = key().pem()
    forms = {"key": key(), "octets": pem, "PEM": pem.decode(), "path": path, "text": str(path)}
    secret: Any = forms[form]
    octets = mailauth.sign(MESSAGE, domain=DOMAIN, selector="rsa", key=secret, expire=60)
    assert octets.endswith(MESSAGE)
    now = int(time.time())
    got = verdict(octets, now=now)
    assert got.result == "pass"
    assert got.signed_at is not None
    assert got.expires_at == got.signed_at + 60
    assert now - 60 < got.signed_at <= now


def test_sign_with_no_key() -> None:
    with pytest.raises(UnusableKey):
        mailauth.sign(MESSAGE, domain=DOMAIN, selector="rsa", key=b"no key")
    with pytest.raises(UnusableKey, match="not a private key"):
        mailauth.sign(MESSAGE, domain=DOMAIN, selector="rsa", key="-----BEGIN \udcff")


def test_a_message_that_was_parsed() -> None:
    message = Message.parse(MESSAGE)
    octets = mailauth.sign(message, domain=DOMAIN, selector="rsa", key=key(), now=NOW)
    assert octets == mailauth.sign(MESSAGE, domain=DOMAIN, selector="rsa", key=key(), now=NOW)
    assert [each.result for each in mailauth.verify(message)] == ["none"]


def test_an_option_that_is_none_is_an_error_of_types() -> None:
    with pytest.raises(TypeError, match="expier"):
        mailauth.sign(MESSAGE, domain=DOMAIN, selector="rsa", key=key(), expier=1)  # type: ignore[call-arg]


def test_the_verdicts_are_not_true_or_false() -> None:
    """dkimpy's `verify` is a boolean; a list would be true whatever is in it."""
    with pytest.raises(TypeError, match=r"compare the \.result of each"):
        bool(mailauth.verify(MESSAGE))


@pytest.mark.parametrize("given", [MESSAGE.decode(), email.message_from_bytes(MESSAGE), None, 3])
def test_a_message_is_octets(given: Any) -> None:
    options: Any = {"domain": DOMAIN, "selector": "rsa", "key": key()}
    for function, arguments in ((mailauth.verify, {}), (mailauth.sign, options)):
        with pytest.raises(BadArgument, match=r"a message is bytes, not .*as_bytes"):
            function(given, **arguments)


def test_verify_asks_only_for_signatures() -> None:
    assert [each.result for each in mailauth.verify(MESSAGE)] == ["none"]
    assert [each.result for each in mailauth.verify(b"DKIM-Signature: v=2\r\n" + MESSAGE)] == [
        "permerror"
    ]


@pytest.mark.parametrize("name", mailauth.__all__)
def test_all_that_is_named_is_there(name: str) -> None:
    assert getattr(mailauth, name) is not None


@pytest.mark.parametrize("package", [mailauth, dns])
def test_what_is_imported_on_use_is_listed_before(package: ModuleType) -> None:
    """`dir` and so `help` and the completion of shells, in a process that has used nothing."""
    program = f"import {package.__name__} as it; print(*(set(it.__all__) - set(dir(it))))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.split() == []
