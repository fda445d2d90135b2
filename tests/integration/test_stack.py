"""The embedded stack survives what happens to it: kills, reboots, taken ports, forged pid files."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import botocore.session
import pytest
import redis

from stack import Stack, StackError
from stack.components import COMPONENTS, Valkey, register_search_attributes, temporal_cli
from stack.stack import as_lines
from temporal.search_attributes import SEARCH_ATTRIBUTES
from tests.support.servers import ROOT

NAMES = [kind.name for kind in COMPONENTS]
Environment = Mapping[str, str]


def sql(environment: Environment, statement: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(environment["DATABASE_URL"].replace("+asyncpg", ""))
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(run())


def store(environment: Environment) -> object:
    return botocore.session.Session().create_client(
        "s3",
        region_name=environment["S3_REGION"],
        endpoint_url=environment["S3_ENDPOINT"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


@dataclass(frozen=True)
class Keepsake:
    """Something a component must remember: how to leave it, how to find it."""

    leave: Callable[[Environment], object]
    find: Callable[[Environment], object]


def started_workflow(environment: Environment) -> str:
    shown = temporal_cli(environment["TEMPORAL_ADDRESS"], "workflow", "describe", "-w", "kept", "-o", "json")
    return str(json.loads(shown)["workflowExecutionInfo"]["type"]["name"])


KEEPSAKES = {
    "postgres": Keepsake(
        lambda env: sql(env, "CREATE TABLE IF NOT EXISTS kept AS SELECT 'Waiting'::text AS value"),
        lambda env: sql(env, "SELECT value FROM kept WHERE ST_SRID(ST_Point(1, 2, 4326)) = 4326"),
    ),
    "temporal": Keepsake(
        lambda env: temporal_cli(
            env["TEMPORAL_ADDRESS"],
            *("workflow", "start", "--type", "Waiting", "--task-queue", "nobody", "-w", "kept"),
            *("--id-conflict-policy", "UseExisting"),
        ),
        started_workflow,
    ),
    "valkey": Keepsake(
        lambda env: redis.Redis.from_url(env["REDIS_URL"]).set("kept", "Waiting"),
        lambda env: redis.Redis.from_url(env["REDIS_URL"], decode_responses=True).get("kept"),
    ),
    "seaweedfs": Keepsake(
        lambda env: store(env).put_object(Bucket=env["S3_BUCKET"], Key="kept", Body=b"Waiting"),  # type: ignore[attr-defined]
        lambda env: store(env).get_object(Bucket=env["S3_BUCKET"], Key="kept")["Body"].read().decode(),  # type: ignore[attr-defined]
    ),
}


def pids(stack: Stack) -> dict[str, int | None]:
    return {status.name: status.pid for status in stack.status()}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack") / "home"


@pytest.fixture(scope="module")
def own(home: Path) -> Iterator[Stack]:
    """A stack beside the one of the run."""
    stack = Stack(ROOT, home=home, environ={})
    stack.up()
    yield stack
    stack.down()
    stack.destroy()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Stack]:
    """The quickest of the components alone."""
    stack = Stack(ROOT, home=tmp_path / "home", environ={}, only=frozenset({"valkey"}))
    yield stack
    stack.down()


def test_a_second_up_changes_nothing(own: Stack) -> None:
    before, environment = pids(own), own.env()
    assert own.up() == environment
    assert pids(own) == before
    assert {status.state for status in own.status()} == {"up"}
    assert all(status.memory_mb > 1 for status in own.status())


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_server_comes_back_with_its_data(own: Stack, name: str) -> None:
    KEEPSAKES[name].leave(own.env())
    environment, before = own.env(), pids(own)
    own.kill(name)
    assert {status.name for status in own.status() if status.state == "down"} == {name}
    assert own.up() == environment
    after = pids(own)
    assert {other for other in NAMES if after[other] != before[other]} == {name}
    assert KEEPSAKES[name].find(own.env()) == "Waiting"


def test_a_reboot_keeps_addresses_and_data(own: Stack, home: Path) -> None:
    environment = own.env()
    for keepsake in KEEPSAKES.values():
        keepsake.leave(environment)
    own.down()
    assert {status.state for status in own.status()} == {"down"}
    assert Stack(ROOT, home=home, environ={}).up() == environment
    assert {name: keepsake.find(environment) for name, keepsake in KEEPSAKES.items()} == dict.fromkeys(NAMES, "Waiting")


def test_search_attributes_reach_a_server_that_lacks_them(own: Stack) -> None:
    address = own.env()["TEMPORAL_ADDRESS"]
    temporal_cli(address, "operator", "namespace", "create", "-n", "bare")
    assert set(register_search_attributes(address, "bare")) == set(SEARCH_ATTRIBUTES)
    assert register_search_attributes(address, "bare") == []
    assert register_search_attributes(address, "default") == []


def test_secrets_are_for_the_owner_only(own: Stack, home: Path) -> None:
    for path in (home / "keys.env", home / "seaweedfs" / "s3.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    shown = " ".join(status.address for status in own.status())
    assert own.env()["PGPASSWORD"] not in shown


def test_the_database_wants_its_password(own: Stack) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        sql({"DATABASE_URL": own.env()["DATABASE_URL"].replace(own.env()["PGPASSWORD"], "guess")}, "SELECT 1")


def test_a_taken_port_is_given_up(valkey: Stack) -> None:
    old = valkey.up()["REDIS_URL"]
    valkey.down()
    with socket.socket() as intruder:
        intruder.bind(("127.0.0.1", int(old.rpartition(":")[2].split("/")[0])))
        intruder.listen()
        new = valkey.up()["REDIS_URL"]
    assert new != old
    assert redis.Redis.from_url(new).ping()


def test_a_pid_that_belongs_to_another_program_is_not_ours(valkey: Stack) -> None:
    valkey.up()
    valkey.kill("valkey")
    forged = valkey.home / "pids" / "valkey.json"
    forged.write_text(json.dumps({"pid": os.getpid(), "started": 1.0}))
    assert [status.state for status in valkey.status()] == ["down"]
    valkey.down()
    valkey.up()
    assert pids(valkey)["valkey"] != os.getpid()


def test_a_server_that_dies_is_reported_with_its_own_words(valkey: Stack) -> None:
    valkey.up()
    valkey.down()
    manifest = next((valkey.home / "valkey" / "appendonlydir").glob("*.manifest"))
    manifest.write_text("this is no manifest\n")
    with pytest.raises(StackError, match=r"(?s)Valkey stopped while starting.*valkey\.log.*AOF"):
        valkey.up()


def test_a_server_of_the_users_own_is_used_and_not_started(tmp_path: Path) -> None:
    mine = "redis://:secret@cache.example:6379/3"
    stack = Stack(ROOT, home=tmp_path / "home", environ={Valkey.override: mine}, only=frozenset({"valkey"}))
    assert stack.up()["REDIS_URL"] == mine
    (status,) = stack.status()
    assert (status.state, status.pid) == ("external", None)
    assert "secret" not in status.address


def test_a_shell_that_sourced_the_environment_still_controls_the_stack(valkey: Stack) -> None:
    sourced = valkey.up()
    again = Stack(ROOT, home=valkey.home, environ=sourced, only=frozenset({"valkey"}))
    assert [status.state for status in again.status()] == ["up"]
    assert again.up() == sourced


def test_the_environment_prints_as_lines_a_shell_can_export() -> None:
    assert as_lines({"A": "plain/+=", "B": "two words"}) == "A=plain/+=\nB='two words'"
