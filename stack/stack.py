"""One embedded stack in one folder: up, down, status, environment."""

import base64
import contextlib
import fcntl
import os
import secrets
import shlex
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from stack.components import COMPONENTS, Component, Context, Secrets, register_search_attributes
from stack.errors import StackError
from stack.ports import PortBook
from stack.processes import Started, memory_mb, spawn, stop, tail

READY_SECONDS = 120.0
PROBE_EVERY_SECONDS = 0.05
START_ATTEMPTS = 3
BUCKET = "ridgeline"

Say = Callable[[str], None]


def silent(_: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class ComponentStatus:
    """How one component of the stack is doing. `memory_mb` counts its children too."""

    name: str
    title: str
    state: str
    """`up`, `down` or `external`."""
    address: str
    pid: int | None = None
    memory_mb: float = 0.0
    data: str = ""


class Stack:
    """The embedded stack of the project at `root`.

    Its files live in `home` (default: RIDGELINE_STACK_DIR, else `.stack` in the project). `environ`
    (default: the process environment over the project's `.env`) may name servers of the user's own;
    `only` limits the stack to some components; `durable=False` trades safety against power loss for speed.
    """

    def __init__(
        self,
        root: Path | str | None = None,
        *,
        home: Path | str | None = None,
        environ: Mapping[str, str] | None = None,
        only: frozenset[str] | None = None,
        durable: bool = True,
        say: Say = silent,
    ) -> None:
        self.root = Path(root or Path(__file__).resolve().parent.parent).resolve()
        self._environ = dict(environ) if environ is not None else user_environment(self.root)
        self.home = Path(home or self._environ.get("RIDGELINE_STACK_DIR") or self.root / ".stack").resolve()
        self._durable = durable
        self._only = only
        self._say = say

    # What it does

    def up(self) -> dict[str, str]:
        """Start what is not running, wait until everything answers, and return the environment.

        Does nothing to what runs already. Raises StackError with the end of a log when a server dies.
        """
        self._make_home()
        with self._locked():
            components = self._embedded()
            with ThreadPoolExecutor(max_workers=len(COMPONENTS)) as pool:
                list(pool.map(self._start, components))
            self._prepare_external()
            return self.env()

    def down(self) -> None:
        """Stop every component; the data stays."""
        if not self.home.exists():
            return
        with self._locked():
            components = [kind(self._context()) for kind in COMPONENTS]
            with ThreadPoolExecutor(max_workers=len(COMPONENTS)) as pool:
                list(pool.map(self._stop, components))

    def destroy(self) -> None:
        """Delete the stack with all its data; it must be down."""
        if not self.home.exists():
            return
        components = [kind(self._context()) for kind in COMPONENTS]
        if any(self._started(component.name) for component in components):
            raise StackError("the stack is up: stop it before deleting its data")
        for component in components:
            component.remove()
        shutil.rmtree(self.home)

    def kill(self, name: str) -> None:
        """End one component with SIGKILL, as a crash would."""
        started = self._started(name)
        if started is not None:
            stop(started, signal.SIGKILL, 10)

    def status(self) -> list[ComponentStatus]:
        """How each component is doing."""
        return [self._status(kind) for kind in self._kinds()]

    def memory_mb(self) -> float:
        """Memory of the whole embedded stack in MB."""
        return sum(status.memory_mb for status in self.status())

    def env(self) -> dict[str, str]:
        """The variables that point any program at this stack: Settings, and those of psql, aws, temporal."""
        if not self.home.exists():
            raise StackError("the stack has never been started: run ./scripts/stack up")
        variables: dict[str, str] = {}
        for kind in self._kinds():
            external = self._external(kind)
            if external is None:
                variables |= kind(self._context()).environment()
            else:
                variables |= self._external_environment(kind, external)
        for key in ("PII_ENCRYPTION_KEY", "PII_INDEX_KEY"):
            variables[key] = self._environ.get(key) or self._keys()[key]
        return variables

    def log(self, name: str) -> Path:
        """The log file of a component."""
        return self.home / "logs" / f"{name}.log"

    # Starting and stopping one component

    def _start(self, component: Component) -> None:
        if self._started(component.name) is not None and component.ready():
            return
        began = time.monotonic()
        for attempt in range(1, START_ATTEMPTS + 1):
            self._renew_ports(component)
            component.prepare()
            running = self._started(component.name) or self._spawn(component)
            if self._await_ready(component, running):
                component.finish()
                self._say(
                    f"{component.title} is up at {without_password(component.url())} ({time.monotonic() - began:.1f} s)"
                )
                return
            if attempt == START_ATTEMPTS:
                break
            # It may have lost a race for a port, or wait for the children of a killed predecessor.
            time.sleep(attempt * 0.5)
        raise StackError(
            f"{component.title} stopped while starting. The end of {component.log}:\n{tail(component.log)}"
        )

    def _spawn(self, component: Component) -> Started:
        running = spawn(
            component.command(), cwd=component.directory, log=component.log, env=component.child_environment()
        )
        running.save(self._pid_file(component.name))
        return running

    def _await_ready(self, component: Component, running: Started) -> bool:
        """True once it answers, False if it died; raises StackError when it does neither in time."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if running.process() is None:
                return False
            if component.ready():
                return True
            time.sleep(PROBE_EVERY_SECONDS)
        stop(running, signal.SIGKILL, 10)
        raise StackError(
            f"{component.title} did not answer within {READY_SECONDS:.0f} s. "
            f"The end of {component.log}:\n{tail(component.log)}"
        )

    def _renew_ports(self, component: Component) -> None:
        if self._started(component.name) is not None:
            return
        changed = component.context.ports.replace_taken(component.port_names)
        for name in changed:
            self._say(f"{component.title}: another program took its port; {name} is now {component.port(name)}")

    def _stop(self, component: Component) -> None:
        running = self._started(component.name)
        if running is not None:
            stop(running, component.stop_signal, component.stop_patience_seconds)
            self._say(f"{component.title} is down")
        self._pid_file(component.name).unlink(missing_ok=True)

    # What the user brings along

    def _kinds(self) -> list[type[Component]]:
        return [kind for kind in COMPONENTS if self._only is None or kind.name in self._only]

    def _external(self, kind: type[Component]) -> str | None:
        """The user's own server for this component, unless it is this very stack (`stack env` was sourced)."""
        given = self._environ.get(kind.override, "").strip()
        if not given or (self.home.exists() and given == kind(self._context()).url()):
            return None
        return given

    def _external_environment(self, kind: type[Component], address: str) -> dict[str, str]:
        names = [kind.override]
        names += ["TEMPORAL_NAMESPACE", "TEMPORAL_UI_URL"] if kind.override == "TEMPORAL_ADDRESS" else []
        if kind.override == "S3_ENDPOINT":
            names += ["S3_BUCKET", "S3_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        variables = {name: self._environ[name] for name in names if name in self._environ}
        return variables | ({"AWS_ENDPOINT_URL": address} if kind.override == "S3_ENDPOINT" else {})

    def _embedded(self) -> list[Component]:
        context = self._context()
        return [kind(context) for kind in self._kinds() if self._external(kind) is None]

    def _prepare_external(self) -> None:
        """A Temporal server of the user's own still needs our search attributes."""
        for kind in self._kinds():
            address = self._external(kind)
            if address is None or kind.override != "TEMPORAL_ADDRESS":
                continue
            namespace = self._environ.get("TEMPORAL_NAMESPACE", "default")
            added = register_search_attributes(address, namespace)
            if added:
                self._say(f"registered search attributes {', '.join(added)} at {address}")

    # Files

    def _status(self, kind: type[Component]) -> ComponentStatus:
        external = self._external(kind)
        if external is not None:
            return ComponentStatus(kind.name, kind.title, "external", without_password(external))
        if not self.home.exists():
            return ComponentStatus(kind.name, kind.title, "down", "")
        component = kind(self._context())
        address = without_password(component.url())
        running = self._started(kind.name)
        if running is None:
            return ComponentStatus(kind.name, kind.title, "down", address, data=str(component.directory))
        memory = round(memory_mb(running), 1)
        return ComponentStatus(kind.name, kind.title, "up", address, running.pid, memory, str(component.directory))

    def _make_home(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        for folder in ("logs", "pids"):
            (self.home / folder).mkdir(exist_ok=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _pid_file(self, name: str) -> Path:
        return self.home / "pids" / f"{name}.json"

    def _started(self, name: str) -> Started | None:
        started = Started.load(self._pid_file(name))
        return started if started is not None and started.process() is not None else None

    def _context(self) -> Context:
        keys = self._keys()
        return Context(
            home=self.home,
            ports=PortBook(self.home / "ports.json"),
            secrets=Secrets(keys["POSTGRES_PASSWORD"], keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]),
            bucket=BUCKET,
            durable=self._durable,
        )

    def _keys(self) -> dict[str, str]:
        """The passwords and keys of this stack, generated on the first call."""
        path = self.home / "keys.env"
        if not path.exists():
            generated = {
                "PII_ENCRYPTION_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
                "PII_INDEX_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
                "POSTGRES_PASSWORD": secrets.token_hex(16),
                "AWS_ACCESS_KEY_ID": "ridgeline",
                "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
            }
            draft = path.with_suffix(".new")
            draft.touch(mode=0o600)
            draft.write_text("".join(f"{name}={value}\n" for name, value in generated.items()))
            draft.replace(path)
        return {name: value or "" for name, value in dotenv_values(path, interpolate=False).items()}


def user_environment(root: Path) -> dict[str, str]:
    """The process environment over the project's `.env`: what the user has decided."""
    written = {name: value for name, value in dotenv_values(root / ".env").items() if value}
    return written | {name: value for name, value in os.environ.items() if value}


def without_password(url: str) -> str:
    """`url` with any password in it replaced by stars."""
    head, separator, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    return f"{head}{separator}{login.partition(':')[0]}:***@{place}" if at else url


def as_lines(variables: Mapping[str, str]) -> str:
    """Variables as lines for a shell or an env file."""
    return "\n".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
