"""The house: who may import whom, where questions are yielded, and how rooms are kept."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "mailauth"
MODULES = sorted(PACKAGE.rglob("*.py"))

FLOORS = [
    {"errors", "findings", "forks", "reading", "verdicts"},
    {"syntax"},
    {"dns", "keys"},
    {"spf", "srs", "dkim", "authres"},
    {"arc", "dmarc"},
    {"authenticate", "case", "domaincheck", "forwarding", "story"},
    {"pages", "serving"},
    {"milter", "postfix"},
    {"service"},
    {"cli", "one_line", "__main__"},
]
ROOMS_WITHIN = {  # each built on those before, and not on what lies beside them
    "cli": ["opinions", "shown", "given"],
    "milter": ["protocol", "tables"],
    "service": ["settings", "telling", "listeners", "processes"],
}
PROTOCOLS = 3  # no neighbour imports a neighbour
SERVERS = 6  # from this floor up, I/O is at home
IO_MODULES = {"asyncio", "socket", "dns", "time", "logging"}
IO_ROOMS = {f"dns/{room}.py" for room in ("resolver", "cache", "exchange", "masterfile")}
DOORS = {"mailauth.dns.ask", "mailauth.dns.lookups", "mailauth.dns.present"}
NAMELESS = {"util", "utils", "helper", "helpers", "common", "misc", "core", "base"}
LONGEST_BODY = 60
RE_FUNCTIONS = {f"re.{name}" for name in ("compile", "match", "search", "sub", "split", "findall")}
PAGES = {"lint", "unwise", "story"}  # what people read at a terminal
SHARED_FOLDERS = tuple(f"/{folder}/" for folder in ("tmp", "var/tmp", "dev/shm"))


def floor_of(room: str) -> int:
    return next(floor for floor, rooms in enumerate(FLOORS) if room in rooms)


def room_of(path: str) -> str:
    return path.split("/", maxsplit=1)[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported, whenever; `from a import b` counts as both a and a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wrong_imports(path: str, source: str) -> list[str]:
    """The imports of the module at `path` below mailauth that the house forbids."""
    room = room_of(path)
    floor = floor_of(room)
    wrong = []
    for name in imports(ast.parse(source)):
        top, _, rest = name.partition(".")
        if top in IO_MODULES and floor < SERVERS and path not in IO_ROOMS and room != "__main__":
            wrong.append(f"{path} imports {name}, which does I/O")
        if top != "mailauth" or not rest:
            continue
        other = rest.split(".")[0]
        if other in {"__version__", room}:
            continue
        if floor_of(other) > floor or (floor_of(other) == floor and floor == PROTOCOLS):
            wrong.append(f"{path} imports {name}, which is not below it")
        if other == "dns" and floor < SERVERS and not opens_a_door(name):
            wrong.append(f"{path} imports {name}; protocols ask through ask and lookups")
    return wrong


def opens_a_door(name: str) -> bool:
    return name == "mailauth.dns" or any(f"{name}.".startswith(f"{door}.") for door in DOORS)


class Questions(NamedTuple):
    """The names of what asks."""

    functions: set[str]
    methods: set[str]


def wrong_yields(path: str, source: str, questions: Questions) -> list[str]:
    """Bare yields outside the one door, and questions that are not asked with `yield from`."""
    tree = ast.parse(source)
    wrong = []
    asked = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.YieldFrom)}
    asked |= {id(call) for call in (*handed_on(tree), *gathered(tree))}
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or not is_lookups(function):
            continue
        wrong += [
            f"{path}:{node.lineno} yields a question itself"
            for node in ast.walk(function)
            if isinstance(node, ast.Yield) and path != "dns/ask.py"
        ]
    modules = imported_names(tree)
    wrong += [
        f"{path}:{node.lineno} calls {asks(node, questions, modules)} without yield from"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and id(node) not in asked and asks(node, questions, modules)
    ]
    return wrong


def gathered(tree: ast.AST) -> Iterator[ast.expr]:
    """What is given to those who ask it side by side, with a memory, or of answers at hand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"gather", "recall", "run"}:
            for each in node.args:
                inside = each.value if isinstance(each, ast.Starred) else each
                if isinstance(inside, ast.IfExp):  # or None, if it is not wanted
                    inside = inside.body
                yield inside.elt if isinstance(inside, ast.GeneratorExp) else inside


def handed_on(tree: ast.AST) -> Iterator[ast.expr]:
    """What a function of type Lookups returns without asking: it hands the whole question on."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or not is_lookups(function):
            continue
        inside = list(ast.walk(function))
        if not any(isinstance(node, ast.Yield | ast.YieldFrom) for node in inside):
            yield from (
                node.value for node in inside if isinstance(node, ast.Return) and node.value
            )


def imported_names(tree: ast.AST) -> set[str]:
    return {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def asks(call: ast.Call, questions: Questions, modules: set[str]) -> str:
    """The question that a call asks: a function by its name or its module's, a method by any."""
    function = call.func
    if isinstance(function, ast.Name):
        return function.id if function.id in questions.functions else ""
    if not isinstance(function, ast.Attribute):
        return ""
    of_module = isinstance(function.value, ast.Name) and function.value.id in modules
    known = questions.functions if of_module else questions.methods
    return function.attr if function.attr in known else ""


def is_lookups(function: ast.FunctionDef) -> bool:
    return function.returns is not None and ast.unparse(function.returns).startswith("Lookups[")


@cache
def questions() -> Questions:
    """What of the core asks."""
    functions: set[str] = set()
    methods: set[str] = set()
    for path in protocols():
        tree = ast.parse(path.read_text())
        for parent in ast.walk(tree):
            kind = methods if isinstance(parent, ast.ClassDef) else functions
            for node in ast.iter_child_nodes(parent):
                if isinstance(node, ast.FunctionDef) and is_lookups(node):
                    kind.add(node.name)
    return Questions(functions, methods)


def protocols() -> list[Path]:
    rooms = {"dkim", "spf", "dmarc", "arc", "authenticate", "domaincheck"}
    inside = [path for path in MODULES if room_of(str(path.relative_to(PACKAGE))) in rooms]
    return [*inside, PACKAGE / "dns" / "ask.py"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    relative = str(path.relative_to(PACKAGE))
    if relative != "__init__.py":
        assert wrong_imports(relative, path.read_text()) == []


def test_the_page_on_the_architecture_shows_the_floors() -> None:
    rows = re.findall(r"\| ([0-9]) \| (.*?) \|", (ROOT / "docs" / "architecture.md").read_text())
    shown: list[set[str]] = [set() for _ in FLOORS]
    for floor, rooms in rows:
        shown[int(floor)] |= set(re.findall("`([a-z_]+)`", rooms))
    assert shown == FLOORS
    assert {path.stem for path in PACKAGE.glob("[a-z]*.py")} <= set().union(*FLOORS)


@pytest.mark.parametrize("package", ROOMS_WITHIN)
def test_rooms_within_a_room_are_built_on_those_before(package: str) -> None:
    above = {PACKAGE / package, *(PACKAGE / package / room for room in ROOMS_WITHIN[package])}
    for room in ROOMS_WITHIN[package]:
        above.remove(PACKAGE / package / room)
        for path in (PACKAGE / package / room).glob("*.py"):
            folders = {imported.parent for imported in imported_modules(path.read_text())}
            assert not folders & above, path


def module_of(name: str) -> Path | None:
    """The file of a module or package of ours; None: it is none."""
    place = ROOT.joinpath(*name.split("."))
    return next(
        (each for each in (place.with_suffix(".py"), place / "__init__.py") if each.exists()), None
    )


def imported_modules(source: str) -> set[Path]:
    """Our modules that are imported, whenever; of `from a import b` the innermost one."""
    found: set[Path | None] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {module_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {module_of(name) or module_of(node.module) for name in names}
    return {path for path in found if path is not None and path != PACKAGE / "__init__.py"}


def test_no_imports_go_in_a_circle() -> None:
    """Not even those for types alone: what needs each other to be understood is one module."""
    TopologicalSorter({path: imported_modules(path.read_text()) for path in MODULES}).prepare()


def test_the_test_of_circles_can_fail() -> None:
    there = PACKAGE / "dkim" / "verdict.py"
    back = PACKAGE / "dkim" / "key.py"
    assert back in imported_modules(there.read_text())
    with pytest.raises(CycleError):
        TopologicalSorter({there: {back}, back: {there}}).prepare()


@pytest.mark.parametrize("path", protocols(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_questions_are_asked_through_the_door(path: Path) -> None:
    assert wrong_yields(str(path.relative_to(PACKAGE)), path.read_text(), questions()) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("dkim/x.py", "from mailauth.spf import record"),
        ("dkim/x.py", "import socket"),
        ("dkim/x.py", "import dns.resolver"),
        ("dkim/x.py", "from mailauth.dns.resolver import Resolver"),
        ("syntax/x.py", "from mailauth import keys"),
        ("keys/x.py", "def f():\n    from mailauth.cli import main"),
        ("dns/lookups.py", "import asyncio"),
    ],
)
def test_the_test_of_imports_can_fail(path: str, source: str) -> None:
    assert wrong_imports(path, source)


@pytest.mark.parametrize(
    "source",
    [
        "def f() -> Lookups[int]:\n    answer = yield 1",
        "def f():\n    if find_key(1): pass",
        "from mailauth.dkim import key\ndef f():\n    x = key.find_key(1)",
        "def f(self):\n    return [self.ask_it()]",
    ],
)
def test_the_test_of_yields_can_fail(source: str) -> None:
    assert wrong_yields("dkim/x.py", source, Questions({"find_key"}, {"ask_it"}))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_are_kept(path: Path) -> None:
    """A law at the door, functions that fit a page, names that say something."""
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "a module opens with its law"
    assert path.stem not in NAMELESS
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = [line for line in node.body if not isinstance(line, ast.Expr)] or node.body
            length = (node.end_lineno or 0) - body[0].lineno + 1
            assert length <= LONGEST_BODY, f"{node.name} has {length} lines"


def half_matches(source: str) -> list[str]:
    """Patterns that end in `$`, which matches before a line end too; fullmatch is meant."""
    texts = [
        node.value if isinstance(node.value, str) else node.value.decode("latin-1")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    ]
    compiled = [
        ast.unparse(node.args[0])
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in RE_FUNCTIONS and node.args
    ]
    return [
        *(text for text in texts if text.startswith("^") and text.endswith("$")),
        *(text for text in compiled if text.rstrip("'\"").endswith("$")),
    ]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_MSG_14_a_match_is_of_the_whole(path: Path) -> None:
    assert half_matches(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    ["import re\nre.compile(r'[a-z]+$')", "import re\nre.match(rb'x$', y)", "X = '^[a-z]+$'"],
)
def test_the_test_of_matches_can_fail(source: str) -> None:
    assert half_matches(source)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_AR_12_what_fields_and_logs_tell_has_no_section_sign(path: Path) -> None:
    """They are of ASCII, where it would be a question mark or an escape; pages may have it."""
    room = str(path.relative_to(PACKAGE))
    if path.stem in PAGES or room.startswith(("cli/", "domaincheck/")):
        return
    tree = ast.parse(path.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    said = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and id(node) not in docstrings
    ]
    assert [text for text in said if isinstance(text, str) and "\u00a7" in text] == []


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: path.stem)
def test_OPS_11_tests_make_folders_of_their_own(path: Path) -> None:
    """A name that is known before can be taken by another user of the machine."""
    written = [
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert [text for text in written if text.startswith(SHARED_FOLDERS)] == []


def test_OPS_12_every_dependency_has_a_floor() -> None:
    """So that no release comes with it whose faults were mended later (scripts/audit)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    needed = [*project["dependencies"], *(each for extra in extras for each in extra)]
    assert [each for each in needed if not re.search(r">=\d", each)] == []


MENDED = {"cryptography": "50.0.0", "dnspython": "2.6.1", "idna": "3.7"}
"""The first versions without faults that are known: GHSA-g6cj-pr64-35w5, CVE-2023-29483,
CVE-2024-3651."""


def version(text: str) -> list[int]:
    return [int(number) for number in text.split(".")]


@pytest.mark.parametrize("name", MENDED)
def test_OPS_12_no_version_with_a_known_fault_is_admitted(name: str) -> None:
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    least = dict(text.partition(",")[0].split(">=") for text in needed)
    assert version(least[name]) >= version(MENDED[name])


def test_nobody_is_sent_to_an_index_for_mailauth() -> None:
    """It is on none, so that a stranger could register its name there."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    sent = [str(path) for path in (*MODULES, *pages) if "install 'mailauth" in path.read_text()]
    assert sent == []


def test_what_is_said_of_an_extra_is_so() -> None:
    """Each that a user is told to install is one of ours."""
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    calls = [
        ast.literal_eval(node.args[0])
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "how_to_get"
    ]
    assert set(calls) == set(ours)
