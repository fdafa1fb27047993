"""The targets: one for each parser, and some for what builds on it; a module for each subject.

Each takes octets, and raises only if the invariant in its docstring is broken.
"""

from collections.abc import Callable

from fuzz.targets import arc, case, dkim, dmarc, files, milter, spf, srs, syntax, trace

TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for subject in (arc, case, syntax, files, dkim, spf, dmarc, srs, trace, milter)
    for target in subject.TARGETS
}
