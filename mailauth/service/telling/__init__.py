"""What the processes of a service tell each other, and the outside.

A worker counts in a `tally`, and sends it in its `beat`; what it had in hand when it
died the supervisor reads in `poison`.  The `status` is the whole, for `mailauth ps`, and
`metrics` the same for Prometheus.  The `log` is for people, `systemd` for systemd.
"""
