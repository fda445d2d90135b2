"""Live progress: how many properties are at which step, drawn on a terminal, told in lines elsewhere."""

import time
from collections import Counter
from collections.abc import Iterable

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from schema.contracts.property import Stage

PLAIN_EVERY_SECONDS = 5.0
SHOWN = (Stage.GATHERING, Stage.IMAGE_PROCESSING, Stage.INFERENCE, Stage.REVIEW, Stage.PUBLISHING, Stage.COMPLETE)


class Progress:
    """Shows counts by stage; `show` may be called as often as one likes."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._began = time.monotonic()
        self._told = 0.0
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None

    def __enter__(self) -> "Progress":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, stages: Iterable[str]) -> None:
        """Draw where the properties are; `stages` holds one value of `Stage` per started property."""
        counts = Counter(stages)
        if self._live:
            self._live.update(self._drawing(counts))
        elif time.monotonic() - self._told >= PLAIN_EVERY_SECONDS:
            self._told = time.monotonic()
            places = ", ".join(f"{stage.value} {counts[stage.value]}" for stage in SHOWN if counts[stage.value])
            self._console.print(f"  {self._elapsed():>4.0f} s  {places or 'starting'}")

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _drawing(self, counts: Counter[str]) -> Group:
        table = Table.grid(padding=(0, 2))
        for stage in SHOWN:
            bar = ProgressBar(total=self._total, completed=counts[stage.value], width=40)
            table.add_row(stage.value.replace("_", " "), bar, f"{counts[stage.value]:>3}")
        title = Text(f"{counts[Stage.COMPLETE.value]} of {self._total} properties done, {self._elapsed():.0f} s")
        return Group(title, table)
