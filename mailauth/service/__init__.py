"""One process tree that serves what a TOML file configures.

A *supervisor* reads the configuration, binds the sockets, reads the secrets, gives up
its privileges and forks.  *Workers* share the listening sockets and answer.  One
*observer* probes the service from outside and shows its figures.  The supervisor reads
nothing that came from a network; its children send it records of a fixed size.

From the file to the processes, each package built on those before it:

- `settings`: what the TOML file may say, and every mistake in it with its line.
- `telling`: what the processes tell each other, and what they tell the outside.
- `listeners`: the kinds of listeners, with everything that knows a protocol.
- `processes`: the supervisor, its children, and what they have in common.

`start` goes from a file to a running service; `doubts` points out what in the file is
probably not intended, and asks the DNS through `dnsdoubts`.  `importing` stands apart:
`mailauth import` turns the installation of another program into TOML.
"""
