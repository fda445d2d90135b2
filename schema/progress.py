"""How far a job is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScrapingProgress:
    """Items of a scraping job so far; `total` is what is known of it."""

    total: int = 0
    processed: int = 0
    succeeded: int = 0
    failed: int = 0
