"""The milter: mail on its way through an MTA is signed, or judged and marked.

`wire` knows the protocol and no mail, `session` knows mail and no socket, and
`server` brings the two together; `opendkim` reads the tables of OpenDKIM.
"""
