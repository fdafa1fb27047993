"""The commands and programs of the README and the guides do what is written beneath them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mail import MESSAGE

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"\$ (.*?)(?:  # exits ([0-9]+))?")
NAME = re.compile(r"(?<=call\s`)mailauth[.a-z_]+|\bmailauth[.a-z_]+(?=\()")
LINKING = [*PAGES, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs" / "decisions").glob("*.md"))]


def blocks(text: str) -> list[tuple[str, str]]:
    return BLOCK.findall(text)


def steps(block: str) -> list[tuple[str, int, list[str]]]:
    """The commands of a console block, with the status and the lines they must come to."""
    found: list[tuple[str, int, list[str]]] = []
    for line in block.splitlines():
        command = COMMAND.fullmatch(line)
        if command:
            found.append((command[1], int(command[2] or 0), []))
        else:
            found[-1][2].append(line)
    return found


def fits(wanted: list[str], output: str) -> bool:
    """Whether the lines are those of the output; `...` stands for anything on a line."""
    patterns = [".*".join(map(re.escape, line.rstrip().split("..."))) for line in wanted]
    lines = [line.rstrip() for line in output.splitlines()]
    return len(lines) == len(patterns) and all(map(re.fullmatch, patterns, lines))


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["/bin/bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_says_is_so(page: Path, tmp_path: Path) -> None:
    follow(page, tmp_path, MESSAGE)


def test_what_the_readme_says_is_so_of_a_file_with_the_line_ends_of_unix(tmp_path: Path) -> None:
    follow(PAGES[0], tmp_path, MESSAGE.replace(b"\r\n", b"\n"))


def follow(page: Path, tmp_path: Path, message: bytes) -> None:
    """Do what a page says, where `mail.eml` is a message."""
    (tmp_path / "mail.eml").write_bytes(message)
    for language, block in blocks(page.read_text()):
        if language == "python":
            subprocess.run([sys.executable, "-c", block], cwd=tmp_path, check=True)
            continue
        for command, status, wanted in steps(block):
            done = run(command, tmp_path)
            assert done.returncode == status, f"{command}\n{done.stdout}"
            assert fits(wanted, done.stdout), f"{command}\n{done.stdout}"


def test_the_programs_of_the_pages_are_strictly_typed(tmp_path: Path) -> None:
    """Whoever takes one over into a program with types has no more to do."""
    for page in PAGES:
        programs = (block for language, block in blocks(page.read_text()) if language == "python")
        for number, program in enumerate(programs):
            (tmp_path / f"{page.stem.replace('-', '_')}_{number}.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *map(str, sorted(tmp_path.glob("*.py")))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_a_function_that_is_named_in_full_can_be_called_so(tmp_path: Path) -> None:
    """`import mailauth` is enough for it; a module is to be imported by its name."""
    named = {name for page in LINKING for name in NAME.findall(page.read_text())}
    program = tmp_path / "names.py"
    program.write_text("import mailauth\n" + "\n".join(sorted(named)))
    assert "mailauth.verify" in named
    done = run(f"python {program}", tmp_path)
    assert done.returncode == 0, done.stdout


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose(page)):
        name, _, anchor = link.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), link
        assert not anchor or anchor in anchors(file), link


def test_the_readme_has_commands_and_a_program() -> None:
    assert {language for language, _ in blocks(PAGES[0].read_text())} == {"console", "python"}


def test_this_test_can_fail() -> None:
    assert steps("$ false  # exits 1\nabc ...") == [("false", 1, ["abc ..."])]
    assert fits(["abc ..."], "abc def\n")
    assert not fits(["abc"], "abd\n")
    assert not fits([], "abc\n")
