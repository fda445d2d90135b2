"""A run of these tests ends with the status it earned, even if the interpreter crashes while it shuts down."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import HOME_VARIABLE, ROOT

CRASHING = """
import atexit, os

def test_it():
    atexit.register(os.abort)
    assert {wanted}
"""


@pytest.mark.parametrize("workers", ["0", "1"])
@pytest.mark.parametrize(("wanted", "status", "word"), [("True", 0, "1 passed"), ("False", 1, "1 failed")])
def test_a_crash_at_exit_changes_no_verdict(tmp_path: Path, workers: str, wanted: str, status: int, word: str) -> None:
    test = tmp_path / "test_crashing.py"
    test.write_text(CRASHING.format(wanted=wanted))
    environment = {
        name: value for name, value in os.environ.items() if name not in (HOME_VARIABLE, "PYTEST_XDIST_WORKER")
    }
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-n", workers]
    ended = subprocess.run(
        [*command, "-c", "pyproject.toml", str(test)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert word in ended.stdout
    assert ended.returncode == status, ended.stderr


def test_without_the_hook_the_crash_would_show(tmp_path: Path) -> None:
    """Proves that the crash above is real."""
    test = tmp_path / "test_crashing.py"
    test.write_text(CRASHING.format(wanted="True"))
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(test)],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=100,
    )
    assert ended.returncode < 0
