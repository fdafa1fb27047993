"""One process tree that serves what a TOML file configures.

A *supervisor* binds the sockets, reads the configuration and the secrets, gives
up its privileges and forks.  *Workers* share the listening sockets and answer.
One *observer* asks the service from outside and shows its figures.  The
supervisor reads nothing that came from a network; what it hears of its children
are records of a fixed size.

The modules, from the file to the processes:

- The TOML: `tables` says what may stand in it, `tomlfile` and `wording` read it
  and say what is wrong, `configuration` is the whole, `doubts` what is hardly meant.
- Kinds of listeners: `kinds` says what one is, `maps` (tcp_table and socketmap)
  and `milters` are those that there are; `srstable`, `mailchecks` and `mailtables`
  make their settings of the tables.  Nothing else here knows a protocol.
- A generation, one reading of the file made ready: `generation`, with `sockets`
  and their `address`, and the `watchedfiles` that are read again.
- Processes: `start` makes the first generation and the `supervisor`; that keeps
  its `crew`, whose `jobs` are those of `worker` and `observer`.  `watchdog` and
  `restarts` decide, without I/O and with the clock as an argument, what
  `supervisor` and `crew` carry out; `process` and `privileges` ask the system.
- What the processes tell each other: `beat` and `tally` figures, `poison` what a
  worker died of, `status` the whole to those who ask.
- What they tell the outside: `log`, `metrics`, `systemd`.

`importing` is a matter of its own: `mailauth import` makes the TOML of another
program's installation.
"""
