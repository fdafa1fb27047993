"""Every vector of testdata/keys: what must be taken is, and what must not is not."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mailauth.errors import UnusableKey
from mailauth.keys import Algorithm, PublicKey

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "testdata" / "keys"


def vectors() -> list[Any]:
    """The vectors of both files; an id is the algorithm, the flags and the comment."""
    params = []
    for path in sorted(FOLDER.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        algorithm = Algorithm(content["algorithm"])
        for vector in content["vectors"]:
            assert set(vector["flags"]) <= content["notes"].keys()
            name = f"{algorithm.key_type}-{'-'.join(vector['flags'])}: {vector['comment']}"
            params.append(pytest.param(algorithm, vector, id=name))
    return params


@pytest.mark.parametrize(("algorithm", "vector"), vectors())
def test_KEY_13_DKIM_23_DKIM_24_vector_has_its_result(
    algorithm: Algorithm, vector: dict[str, Any]
) -> None:
    key, digest, sig = (bytes.fromhex(vector[name]) for name in ("key", "digest", "sig"))
    if vector["result"] == "refused":
        with pytest.raises(UnusableKey):
            PublicKey.load(algorithm.key_type, key)
    else:
        loaded = PublicKey.load(algorithm.key_type, key)
        assert loaded.algorithm is algorithm
        assert loaded.verify(sig, digest) is (vector["result"] == "valid")


def test_vectors_are_what_the_script_writes(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "make-key-vectors"
    subprocess.run([sys.executable, script, tmp_path], check=True)
    for path in FOLDER.glob("*.json"):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()
