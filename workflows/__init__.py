"""Deterministic orchestration: one file per workflow, readable like the spec's diagrams (section 6)."""
