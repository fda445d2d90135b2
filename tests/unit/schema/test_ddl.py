"""`python -m schema --ddl` and `new-key`: useful without any database."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from schema.__main__ import main
from schema.ddl import ddl
from schema.migrations import runner
from schema.pii import PiiVault
from tests.unit.schema.test_pii import _settings

ROOT = Path(__file__).resolve().parents[3]


def test_ddl_needs_no_database_and_is_the_same_each_time() -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "1", "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}
    printed = subprocess.run(
        [sys.executable, "-m", "schema", "--ddl"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert printed.stdout == ddl()


@pytest.mark.parametrize(
    "part",
    [
        "CREATE EXTENSION IF NOT EXISTS postgis;",
        "CREATE TABLE base_leads (",
        "geom geography(POINT,4326) GENERATED ALWAYS AS",
        "CREATE INDEX idx_base_leads_geom ON base_leads USING gist (geom);",
        "CREATE INDEX idx_target_cities_priority ON target_cities (priority DESC);",
        "CREATE UNIQUE INDEX uq_lead_assignments_live ON lead_assignments (base_lead_id) WHERE released_at IS NULL;",
        "CREATE UNIQUE INDEX uq_review_tasks_open ON review_tasks (base_lead_id) WHERE state = 'open';",
        "CONSTRAINT ck_base_leads_status CHECK (status IN ('processing', 'needs_review', 'available',",
        "FOREIGN KEY(base_lead_id) REFERENCES base_leads (id) ON DELETE CASCADE",
    ],
)
def test_ddl_shows(part: str) -> None:
    assert part in ddl()


def test_tables_come_after_those_they_refer_to() -> None:
    script = ddl()
    assert script.index("CREATE TABLE contractors") < script.index("CREATE TABLE lead_clusters")
    assert script.index("CREATE TABLE lead_clusters") < script.index("CREATE TABLE base_leads")


def test_new_key_prints_keys_that_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-key"]) == 0
    lines = dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())
    assert list(lines) == ["PII_ENCRYPTION_KEY", "PII_INDEX_KEY"]
    vault = PiiVault.from_settings(_settings(lines["PII_ENCRYPTION_KEY"], lines["PII_INDEX_KEY"]))
    assert vault.decrypt(vault.encrypt("555-0100")) == "555-0100"


def test_there_is_one_head() -> None:
    assert runner.head().isdigit()


def test_without_a_command_it_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "migrate" in capsys.readouterr().out
