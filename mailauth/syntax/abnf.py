"""The tokens of the grammars: one pattern for each ABNF rule, named after the rule.

Patterns are for `fullmatch` and for `Scanner`; each takes linear time.  In text
patterns, a character class lists its characters, because the ready-made classes
for digits, words and blanks cover all of Unicode.  A class that includes all of
non-ASCII lists those that it excludes instead, which compiles much faster.
"""

import re

FWS = " \t\r\n"
"""The characters of folding white space, which may surround a tag's parts (RFC 5322 §3.2.2)."""

# ftext = %d33-57 / %d59-126                                        RFC 5322 §3.6.8
FTEXT = bytes(range(33, 58)) + bytes(range(59, 127))

# VALCHAR = %x21-3A / %x3C-7E, and UTF8-non-ascii                   RFC 6376 §3.2, RFC 6532 §3.1
# The octets of a whole, unfolded tag list: these, blanks and semicolons.
TAG_LIST_OCTETS = bytes([9, *range(32, 127), *range(128, 256)])

# atext = ALPHA / DIGIT / some specials / UTF8-non-ascii            RFC 5322 §3.2.3, RFC 6532 §3.2
_ATEXT = r'[^\x00- "(),.:;<>@[\\\]\x7f]'

# Let-dig, "-", "_" as in the names of records, and UTF8-non-ascii
_LABEL_TEXT = r"[^\x00-,./:-@[-^`{-\x7f]"

# dot-atom-text = 1*atext *("." 1*atext)                            RFC 5322 §3.2.3
DOT_ATOM_TEXT = re.compile(rf"{_ATEXT}++(?:\.{_ATEXT}++)*+")

# Local-part = Dot-string / Quoted-string                           RFC 5321 §4.1.2, RFC 6531 §3.3
LOCAL_PART = re.compile(rf'{_ATEXT}++(?:\.{_ATEXT}++)*+|"(?:[^\x00-\x1f"\\\x7f]|\\[ -~])*+"')

# [ [ local-part ] "@" ] domain-name, without quotes                RFC 8601 §2.2
ADDRESS = re.compile(rf"(?:{_ATEXT}++(?:\.{_ATEXT}++)*+)?@{_LABEL_TEXT}++(?:\.{_LABEL_TEXT}++)*+")

# obs-phrase, in which a dot may stand anywhere                     RFC 5322 §4.1
ATOM_OR_DOTS = re.compile(r'[^\x00- "(),:;<>@[\\\]\x7f]++')

# quoted-string = DQUOTE *(qtext / quoted-pair / WSP) DQUOTE        RFC 5322 §3.2.4
QUOTED_STRING = re.compile(r'"(?:[^"\\\r\n\x00]|\\[^\r\n\x00])*+"')

# token, of MIME                                                    RFC 2045 §5.1
TOKEN = re.compile(r'[^\x00- "(),/:;<=>?@[\\\]\x7f]++')

# Keyword = Ldh-str                                                 RFC 5321 §4.1.2
# "_" too: a field of others that uses it is better read than refused; we never write it.
KEYWORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?")

# authres-version = 1*DIGIT                                         RFC 8601 §2.2
VERSION = re.compile(r"[0-9]{1,9}")

# domain-literal = "[" *dtext "]"                                   RFC 5322 §3.4.1
DOMAIN_LITERAL = re.compile(r"\[[\t !-Z^-~]*+\]")

# sub-domain = Let-dig [Ldh-str]                                    RFC 5321 §4.1.2
SUB_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")

# the same with underscores, as in the names of records             RFC 8552 §1.1
UNDERSCORED_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")

# 1*12DIGIT, of t= and x=                                           RFC 6376 §3.5
TIMESTAMP = re.compile(r"[0-9]{1,12}")

# 1*76DIGIT, of l=                                                  RFC 6376 §3.5
BODY_LENGTH = re.compile(r"[0-9]{1,76}")

# macro-literal = %x21-24 / %x26-7E                                 RFC 7208 §7.1
MACRO_LITERAL = re.compile(r"[!-$&-~]++")

# macro-expand = "%{" macro-letter transformers *delimiter "}"      RFC 7208 §7.1
MACRO_EXPAND = re.compile(r"%\{([A-Za-z])([0-9]*+)([rR]?)([.+,/_=-]*+)\}")

# toplabel = ( *alphanum ALPHA *alphanum ) /
#            ( 1*alphanum "-" *( alphanum / "-" ) alphanum )        RFC 7208 §7.1
TOPLABEL = re.compile(r"[0-9]*+[A-Za-z][A-Za-z0-9]*+|[A-Za-z0-9]++-(?:[A-Za-z0-9-]*[A-Za-z0-9])")

# name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ), of a modifier  RFC 7208 §12
MODIFIER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*+")

# ip4-network = qnum "." qnum "." qnum "." qnum                     RFC 7208 §5.6
_QNUM = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9][0-9]|[0-9])"
IP4_NETWORK = re.compile(rf"{_QNUM}(?:\.{_QNUM}){{3}}")

# ip6-network, RFC 4291 §2.2; `ipaddress` decides which matches are addresses
IP6_NETWORK = re.compile(r"[0-9A-Fa-f:.]{2,45}")

# dual-cidr-length = [ "/" ip4-length ] [ "//" ip6-length ]         RFC 7208 §5.6
DUAL_CIDR_LENGTH = re.compile(r"(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?\Z")

# unquoted value of Received-SPF; wider than a dot-atom, as RFC 7208 §9.1 itself writes it
RECEIVED_SPF_VALUE = re.compile(r"[^\x00- \x7f()\";]++")
