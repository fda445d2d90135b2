"""A fingerprint of each workflow's code, blind to comments, docstrings and layout.

An edit that changes it may break workflows that are running. `test_replay` then asks for the edit to be
proven against the committed histories and recorded (see docs/workflows.md).
"""

import ast
import hashlib
from pathlib import Path

WORKFLOWS = Path(__file__).parents[2] / "workflows"


def fingerprint(source: str) -> str:
    """SHA-256 of the module's syntax tree without docstrings, first 16 hex digits."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(node.body) > 1:
                node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:16]


def current_fingerprints() -> dict[str, str]:
    """Fingerprint by module name, for every file of `workflows/`."""
    return {
        str(path.relative_to(WORKFLOWS).with_suffix("")): fingerprint(path.read_text())
        for path in sorted(WORKFLOWS.rglob("*.py"))
        if path.name != "__init__.py"
    }
