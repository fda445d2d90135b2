"""The servers of one test run: started by whoever needs them first, ended by the pytest that began the run."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from stack import Stack
from stack.processes import Started, stop

ROOT = Path(__file__).resolve().parent.parent.parent
HOME_VARIABLE = "RIDGELINE_TEST_STACK_DIR"
TEMPLATE = "template_ridgeline"


def begin_run() -> None:
    """Give this run a folder for its servers; xdist workers inherit it. Clears what dead runs left."""
    runs = Path(tempfile.gettempdir()) / f"ridgeline-tests-{os.getuid()}"
    runs.mkdir(mode=0o711, exist_ok=True)
    if runs.stat().st_uid != os.getuid():
        raise RuntimeError(f"{runs} belongs to somebody else")
    for home in runs.iterdir():
        if not _owner_lives(home):
            remove(home)
    home = runs / f"{os.getpid()}-{int(psutil.Process().create_time())}"
    home.mkdir(mode=0o711)
    os.environ[HOME_VARIABLE] = str(home)


def end_run() -> None:
    """Stop the servers of this run and remove their data."""
    home = os.environ.pop(HOME_VARIABLE, None)
    if home is not None:
        remove(Path(home))


def remember(pid: int) -> None:
    """Note a child of this run, so that the next run can end it should this one be killed."""
    folder = Path(os.environ[HOME_VARIABLE]) / "children"
    folder.mkdir(exist_ok=True)
    Started(pid, psutil.Process(pid).create_time()).save(folder / f"{pid}.json")


def remove(home: Path) -> None:
    """Stop the servers of `home` and delete it."""
    for note in home.glob("children/*.json"):
        child = Started.load(note)
        if child is not None:
            stop(child, signal.SIGTERM, 5)
    stack = test_stack(home)
    stack.down()
    stack.destroy()
    shutil.rmtree(home, ignore_errors=True)


def test_stack(home: Path) -> Stack:
    """A stack of its own in `home`, deaf to the user's environment and `.env`."""
    return Stack(ROOT, home=home, environ={}, durable=False)


test_stack.__test__ = False  # type: ignore[attr-defined]


def run_stack() -> dict[str, str]:
    """The environment of this run's servers, started now if they are not up, with the template database made."""
    home = Path(os.environ[HOME_VARIABLE])
    with _locked(home / "template.lock"):
        environment = test_stack(home).up()
        if not (home / "template.ready").exists():
            _make_template(environment)
            (home / "template.ready").touch()
    return environment


def database_url(environment: Mapping[str, str], name: str) -> str:
    """The URL of the database `name` on the run's server."""
    return environment["DATABASE_URL"].rpartition("/")[0] + "/" + name


def python_module(*arguments: str, environment: Mapping[str, str]) -> None:
    """Run `python -m …` to its end; raises with its output when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode != 0:
        raise RuntimeError(f"python -m {' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")


def _make_template(environment: Mapping[str, str]) -> None:
    """Migrate and seed a database once, for every test to clone."""
    psql = {**os.environ, **environment, "PGDATABASE": "postgres"}
    for statement in (f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)", f"CREATE DATABASE {TEMPLATE}"):
        subprocess.run(["psql", "-X", "-q", "-c", statement], env=psql, check=True, capture_output=True)
    own = {**environment, "DATABASE_URL": database_url(environment, TEMPLATE)}
    python_module("schema", "migrate", environment=own)
    python_module("schema", "seed", environment=own)


def _owner_lives(home: Path) -> bool:
    pid, _, started = home.name.partition("-")
    try:
        return abs(int(psutil.Process(int(pid)).create_time()) - int(started)) <= 2
    except (psutil.NoSuchProcess, ValueError):
        return False


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
