"""Leads: admission, validation, triggers, score, cluster, market (local activities of the `orchestration` queue)."""
