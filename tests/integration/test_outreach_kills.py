"""Outreach under fire, small: workers, workflow server, database and API are killed while contractors say no.

`./scripts/outreach-storm` does the same with 500 sequences.
"""

import asyncio
import sys
from pathlib import Path

import pytest
from rich.console import Console

from demo.storm import Storm

SEQUENCES, KILLS = 24, 5


@pytest.mark.timeout(420)
async def test_nobody_gets_a_message_twice_or_after_their_no_and_none_is_lost(tmp_path: Path) -> None:
    storm = Storm(SEQUENCES, KILLS, Console(file=sys.stdout, width=120), home=tmp_path / "stack")
    try:
        figures = await storm.go()
    finally:
        await asyncio.to_thread(storm.close)
    assert sum(figures["kills"].values()) == KILLS
    assert sum(figures["stops"].values()) > SEQUENCES // 4
    assert figures["messages"] > SEQUENCES
    assert (figures["duplicates"], figures["late"], figures["missing"]) == (0, [], 0)
    assert set(figures["effects"]) == {"done"}
