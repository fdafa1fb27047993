"""The words of the milter protocol; a connection that uses them is `wire`.

`codes` are the octets that commands and replies begin with, `options` what both sides agree
on at the start, `states` what may follow what.  `events` are read from the MTA's
octets and `replies` are written; `commands` are what the MTA writes.
"""
