"""One process tree that serves what a TOML file configures.

A *supervisor* binds the sockets, reads the configuration and the secrets, gives
up its privileges and forks.  *Workers* share the listening sockets and answer.
One *observer* asks the service from outside and shows its figures.  The
supervisor reads nothing that came from a network; what it hears of its children
are records of a fixed size.

From the file to the processes, each room built on those before it:

- `settings`: what the TOML file may say, and every mistake in it at its line.
- `telling`: what the processes tell each other, and what they tell the outside.
- `listeners`: the kinds of listeners that there are, with all that knows a protocol.
- `processes`: the supervisor, its children, and what they have in common.

`start` goes from a file to a running service; `doubts` says what of the file is hardly
meant, and asks the DNS for that by `dnsdoubts`.  `importing` is a matter of its own:
`mailauth import` makes the TOML of another program's installation.
"""
