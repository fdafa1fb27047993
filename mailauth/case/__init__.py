"""Cases: a message, how it came, the clock and every answer of the DNS, kept to be judged again.

`record` judges a message as `authenticate` does and keeps what it took;
`Case.authenticate` comes to the same report anywhere and at any time.
"""

from mailauth.case.keeping import Case, record, verdicts_of
from mailauth.case.located import BadCase
from mailauth.case.reading import loads
from mailauth.case.writing import SCHEMA, dumps

__all__ = ["SCHEMA", "BadCase", "Case", "dumps", "loads", "record", "verdicts_of"]
