"""The processes of a service: which are started, how they are watched, and how they end.

- A `generation` is one reading of the configuration made ready, with its `sockets` and the
  `watchedfiles` that are read again when they change.
- The `supervisor` keeps its `crew`, whose `jobs` are those of `worker` and `observer`.
- `watchdog` and `restarts` decide, without I/O and with the clock as an argument, what
  supervisor and crew carry out; `process` and `privileges` make the system calls.
"""
