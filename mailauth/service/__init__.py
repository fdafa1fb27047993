"""One process tree that serves what a TOML file configures.

A *supervisor* binds the sockets, reads the configuration and the secrets, gives
up its privileges and forks.  *Workers* share the listening sockets and answer.
One *observer* asks the service from outside and shows its figures.  The
supervisor reads nothing that came from a network; what it hears of its children
are records of a fixed size.

`watchdog` and `restarts` decide, without I/O and with the clock as an argument;
`supervisor` and `crew` carry out what they decide.  What a listener may be stands
in one table, which `start` puts together of `lookups` and `milters`; nothing else
here knows a protocol.
"""
