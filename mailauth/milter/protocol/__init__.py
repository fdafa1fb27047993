"""The vocabulary of the milter protocol; `wire` is a connection that uses it.

`codes` are the octets that commands and replies begin with, `options` what both sides agree
on at the start, `states` what may follow what.  `events` are read from the MTA's octets,
`replies` are what the filter writes, and `commands` what the MTA writes.
"""
