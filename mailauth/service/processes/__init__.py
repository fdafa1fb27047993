"""The processes of a service: who is started, how it is watched, and how it ends.

- A `generation` is one reading of the file made ready, with its `sockets` and the
  `watchedfiles` that are read again.
- The `supervisor` keeps its `crew`, whose `jobs` are those of `worker` and `observer`.
- `watchdog` and `restarts` decide, without I/O and with the clock as an argument,
  what the two carry out; `process` and `privileges` ask the system.
"""
