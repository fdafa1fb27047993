"""Inputs for the targets: real ones, cut, joined, repeated and sprinkled with special words."""

import random
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORDS = (
    b"\r\n",
    b"\r",
    b"\n",
    b" ",
    b"\t",
    b"\r\n ",
    b"\r\n\r\n",
    b";",
    b"=",
    b":",
    b",",
    b"<",
    b">",
    b"@",
    b"(",
    b")",
    b'"',
    b"\\",
    b"\0",
    b"\xff",
    b"\xc3\xa9",
    b"v=1",
    b"v=DKIM1",
    b"a=rsa-sha256",
    b"a=ed25519-sha256",
    b"c=relaxed/simple",
    b"d=example.com",
    b"s=x",
    b"h=from",
    b"l=0",
    b"t=1",
    b"x=2",
    b"i=@",
    b"z=",
    b"q=dns/txt",
    b"bh=",
    b"b=",
    b"p=",
    b"k=ed25519",
    b"t=s",
    b"t=y",
    b"From: a@example.com",
    b"DKIM-Signature:",
    b"AAAA",
    b"999999999999",
    b"{",
    b"}",
    b"[",
    b"]",
    b'"TXT"',
    b'"FAIL"',
    b'"example.com"',
    b"v=spf1 ",
    b" -all",
    b" include:",
    b" redirect=",
    b" exp=",
    b" ip4:192.0.2.0/24",
    b" ip6:",
    b" exists:%{i}.x",
    b"%{l1r-}",
    b"%{p}",
    b"%%",
    b"; spf=pass",
    b"--x\r\n\r\n",
    b"-----BEGIN ",
    b"get ada@example.com\n",
    b"get ",
    b"%40",
    b"%0A",
    b"23:reverse ada@example.com,",
    b"12:forward a@x,",
    b"SRS0=",
    b"ARC-Seal: i=1; cv=none; ",
    b"ARC-Message-Signature: i=1; ",
    b"ARC-Authentication-Results: i=1; x; dmarc=pass",
    b"cv=fail",
    b"SRS1=",
)
ADDRESSES = (
    b"ada.lovelace+list=2@otherdomain.example\n",
    b'"a \\"b\\" @ c"@x.example\nSRS1=wwww=a.example==vmyz=2W=b.example=c@d.example\n',
    b"SRS0=vmyz=2W=otherdomain.com=test@example.com\nsrs0+W-oy=2w=x.example=u3@x.example\n",
)
MAX_OCTETS = 20_000


def seeds() -> list[bytes]:
    """The messages and zones of testdata, the samples, and the words and addresses above."""
    files = [
        *ROOT.glob("testdata/dkim/*/message.eml"),
        *ROOT.glob("testdata/dkim/*/zone"),
        *ROOT.glob("mailauth/cli/samples/*.eml"),
    ]
    return [path.read_bytes()[:MAX_OCTETS] for path in sorted(files)] + [*WORDS, *ADDRESSES]


def mutate(octets: bytes, corpus: list[bytes], dice: random.Random) -> bytes:
    """Another input, made from this one and parts of others."""
    for _ in range(dice.randint(1, 6)):
        start, end = sorted(dice.randint(0, len(octets)) for _ in range(2))
        other = dice.choice(corpus)
        piece = dice.choice(
            (
                b"",
                dice.choice(WORDS),
                dice.choice(WORDS) * dice.randint(1, 50),
                bytes([dice.randint(0, 255)]),
                other[dice.randint(0, len(other)) :][: dice.randint(0, 200)],
                octets[start:end] * 2,
            )
        )
        end = dice.choice((start, min(start + 1, end), end))
        octets = (octets[:start] + piece + octets[end:])[:MAX_OCTETS]
    return octets
