#!/bin/sh
# Creates and upgrades the two databases of the Temporal server; running it again changes nothing.
# Host, user and password come from SQL_HOST, SQL_USER and SQL_PASSWORD.
set -eu

prepare() {
  database=$1
  versions=/etc/temporal/schema/postgresql/v12/$2/versioned
  for step in "create" "setup-schema --version 0.0" "update-schema --schema-dir $versions"; do
    # shellcheck disable=SC2086  # a step is a command with its options
    temporal-sql-tool --plugin postgres12 --endpoint "$SQL_HOST" --port 5432 --user "$SQL_USER" \
      --database "$database" $step
  done
}

prepare temporal temporal
prepare temporal_visibility visibility
