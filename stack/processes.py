"""Server processes that outlive the command that started them, known by pid and start time."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

# psutil derives a start time from the boot time, which the kernel corrects by a little now and then.
START_TOLERANCE_SECONDS = 2.0
LOG_LIMIT_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Started:
    """A process we started: its pid alone may have been given to another program since."""

    pid: int
    started: float

    def process(self) -> psutil.Process | None:
        """The process, or None if it is gone, a zombie, or another program now has its pid."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) > START_TOLERANCE_SECONDS:
                return None
            if process.status() == psutil.STATUS_ZOMBIE:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(self.pid, os.WNOHANG)
                return None
        except psutil.NoSuchProcess:
            return None
        return process

    def save(self, path: Path) -> None:
        """Remember this process in `path`."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> "Started | None":
        """The process remembered in `path`; None if there is none or the file was cut short."""
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None


def spawn(argv: Sequence[str], *, cwd: Path, log: Path, env: Mapping[str, str]) -> Started:
    """Start `argv` detached from this terminal, its output appended to `log`."""
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as out:
        child = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # The process is meant to outlive us: without this, Popen warns when it is collected.
    child.returncode = 0
    try:
        return Started(child.pid, psutil.Process(child.pid).create_time())
    except psutil.NoSuchProcess:
        return Started(child.pid, time.time())


def stop(started: Started, how: signal.Signals, patience_seconds: float) -> None:
    """Ask the process to stop with `how`; kill it and its children if it has not within the patience."""
    process = started.process()
    if process is None:
        return
    family = [process, *process.children(recursive=True)]
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(how)
    _, stubborn = psutil.wait_procs([process], timeout=patience_seconds)
    if stubborn:
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
    psutil.wait_procs(family, timeout=patience_seconds)


def memory_mb(started: Started) -> float:
    """Memory of the process and its children in MB; pages shared between them count once."""
    process = started.process()
    if process is None:
        return 0.0
    total = 0
    for member in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            try:
                total += member.memory_full_info().pss
            except (psutil.AccessDenied, AttributeError):
                total += member.memory_info().rss
    return total / 1_000_000


def tail(log: Path, lines: int = 20) -> str:
    """The last `lines` of a log."""
    if not log.exists():
        return "(no log)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 64_000))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
