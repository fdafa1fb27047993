"""Cases: a message, its envelope, the time and every DNS answer, kept to be judged again.

`record` judges a message as `authenticate` does, and keeps all that it used;
`Case.authenticate` makes the same report anywhere and at any time.
"""

from mailauth.case.keeping import Case, record, verdicts_of
from mailauth.case.located import BadCase
from mailauth.case.reading import loads
from mailauth.case.writing import SCHEMA, dumps

__all__ = ["SCHEMA", "BadCase", "Case", "dumps", "loads", "record", "verdicts_of"]
