"""Running the command line: in this process, or in its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Done:
    """The result of a command."""

    status: int
    octets: bytes
    complaint: str

    @property
    def text(self) -> str:
        """The output as text."""
        return self.octets.decode()

    @property
    def objects(self) -> list[Any]:
        """The output as JSON, one object a line."""
        return [json.loads(line) for line in self.octets.splitlines()]

    @property
    def refused(self) -> bool:
        """Whether it ended with status 2, no output, and one line of error naming the program."""
        one_line = self.complaint.startswith("mailauth: ") and self.complaint.count("\n") == 1
        return self.status == 2 and one_line and not self.octets


Run = Callable[..., Done]


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the program in its own process, in the working folder."""
    environment = {**os.environ, **options.pop("env", {}), "PYTHONPATH": str(ROOT)}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(
        [sys.executable, "-m", "mailauth", *arguments],
        check=False,
        timeout=60,
        env=environment,
        **options,
    )
