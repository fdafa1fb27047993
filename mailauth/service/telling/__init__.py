"""What the processes of a service tell each other, and the outside.

A worker counts in a `tally`, and sends it in its `beat`; through `poison` the supervisor
sees what a worker had in hand when it died.  `status` shows everything to `mailauth ps`,
and `metrics` to Prometheus.  The `log` is for people, `systemd` for systemd.
"""
