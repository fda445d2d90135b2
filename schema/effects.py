"""The states of an outside effect in the idempotency ledger (decision 0003)."""

from enum import StrEnum


class EffectState(StrEnum):
    """What `EffectRepository.begin` found. Only NEW means: go ahead."""

    NEW = "new"
    """The ledger had no such key and now says `started`, once this transaction commits."""
    STARTED = "started"
    """Someone began and never settled: ask the vendor whether it happened."""
    DONE = "done"
    UNKNOWN = "unknown"
    """Nobody can tell whether it happened; left to a person."""
    FAILED = "failed"
    """It certainly did not happen; `EffectRepository.reopen` allows another try."""
