"""`mailauth verify --explain`: what broke a signature."""

from program import Run


def test_the_change_is_named(sign: Run, verify: Run) -> None:
    signed = sign("mail.eml").octets + b"The list: https://list.example\r\n"
    done = verify("--explain", "-", given=signed)
    assert done.status == 1
    told = done.text.splitlines()
    assert told[3:5] == [
        "            the body: 1 line was added at the end: 'The list: https://list.example'",
        "            the header: it is as it was signed",
    ]
    assert told[5].endswith("bh= differs (RFC 6376 §6.1.3)")
    assert told[6].startswith("    ? TXT of rsa._domainkey.example.com: v=DKIM1; k=rsa; p=")
    (report,) = verify("--explain", "--json", "-", given=signed).objects
    assert report["autopsy"][0]["header"] == "it is as it was signed"
    assert "autopsy" not in verify("--json", "-", given=signed).objects[0]


def test_each_signature_has_its_own_change_below_it(sign: Run, run: Run, verify: Run) -> None:
    other = ("-d", "example.com", "-s", "ed25519", "-k", "ed25519.pem")
    twice = run("sign", *other, "-", given=sign("mail.eml").octets).octets
    told = verify("--explain", "-", given=twice + b"one more line\r\n").text
    assert told.count("            the body: 1 line was added at the end") == 2


def test_a_signature_that_passes_needs_none(sign: Run, verify: Run) -> None:
    (report,) = verify("--explain", "--json", "-", given=sign("mail.eml").octets).objects
    assert "autopsy" not in report
