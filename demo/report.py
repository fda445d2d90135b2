"""What the demo found: as JSON for scripts, as a summary people want to read."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.table import Table

from demo.histories import HistoryReport
from demo.reviewer import Reviewer
from demo.world import project_root
from domain.scoring import FactorScore
from schema.contracts.base import LeadStatus
from schema.contracts.property import PropertyResult

FINAL = frozenset(
    {LeadStatus.AVAILABLE, LeadStatus.UNQUALIFIED, LeadStatus.REJECTED, LeadStatus.EXPIRED, LeadStatus.SOLD}
)
GRADES = ("A", "B", "C", "D", "F")
MAX_EVENTS, MAX_KB, MAX_MEMORY_MB = 90, 100, 8_000


@dataclass
class Report:
    """Everything a run is judged by."""

    results: Mapping[UUID, PropertyResult]
    failures: Mapping[UUID, str]
    reviewer: Reviewer
    truth: Mapping[str, Any]
    histories: HistoryReport
    breakdowns: Mapping[UUID, Sequence[FactorScore]]
    contact_sheet: Path | None
    api_url: str
    temporal_ui_url: str
    peak_memory_mb: int = 0
    wall_s: float = 0.0

    @property
    def passed(self) -> bool:
        """No workflow failed, every property is final, and no person is in any history."""
        unfinished = [result for result in self.results.values() if result.status not in FINAL]
        return bool(self.results) and not self.failures and not unfinished and not self.histories.pii_hits

    def as_json(self) -> dict[str, Any]:
        """The figures under the names scripts rely on; seconds, kilobytes (1000) and megabytes."""
        statuses = Counter(result.status for result in self.results.values())
        return {
            "passed": self.passed,
            "properties": len(self.results) + len(self.failures),
            "leads_available": statuses[LeadStatus.AVAILABLE],
            "needs_review": statuses[LeadStatus.NEEDS_REVIEW],
            "rejected": statuses[LeadStatus.REJECTED] + statuses[LeadStatus.EXPIRED],
            "unqualified": statuses[LeadStatus.UNQUALIFIED],
            "failed": len(self.failures),
            "reviewed": sum(result.reviewed for result in self.results.values()),
            "reviews": {
                "approved": self.reviewer.approved,
                "corrected": self.reviewer.corrected,
                "rejected": self.reviewer.rejected,
            },
            "by_grade": self._by_grade(),
            "by_reason": Counter(result.reason.value for result in self.results.values() if result.reason),
            "degraded": Counter(reason.value for result in self.results.values() for reason in result.degraded),
            "truth": dict(self.truth),
            "history_pii_hits": len(self.histories.pii_hits),
            "history_events_max": self.histories.events_max,
            "history_kb_max": round(self.histories.bytes_max / 1000, 1),
            "peak_memory_mb": self.peak_memory_mb,
            "wall_s": self.wall_s,
            "stage_s": self.histories.stage_seconds,
        }

    def _by_grade(self) -> dict[str, int]:
        grades = Counter(result.grade for result in self.results.values() if result.grade)
        return {grade: grades[grade] for grade in GRADES}

    def show(self, console: Console, kept: bool) -> None:
        """Print the summary; with `kept`, also where what still runs can be seen."""
        figures = self.as_json()
        console.print()
        console.rule("Ridgeline demo")
        console.print(
            f"{figures['properties']} properties in {figures['wall_s']:.0f} s: "
            f"[bold green]{figures['leads_available']} leads for sale[/], {figures['unqualified']} below 60 points, "
            f"{figures['rejected']} rejected, {figures['failed']} failed; a reviewer decided {figures['reviewed']}."
        )
        console.print(self._grades_table())
        console.print(self._triggers_and_truth(figures))
        self._explain_best(console)
        console.print(
            f"Largest history: {figures['history_events_max']} events (limit {MAX_EVENTS}), "
            f"{figures['history_kb_max']} KB (limit {MAX_KB}); people found in histories: "
            f"{figures['history_pii_hits']}; peak memory of everything: {figures['peak_memory_mb']} MB "
            f"(limit {MAX_MEMORY_MB})."
        )
        for lead, words in self.failures.items():
            console.print(f"[red]failed[/] property-{lead}: {words}")
        for place in self.histories.pii_hits:
            console.print(f"[red]a person is named in[/] {place}")
        if self.contact_sheet:
            console.print(f"Analysed roofs: {self.contact_sheet.relative_to(project_root())}", highlight=False)
        if kept:
            console.print(f"API docs: {self.api_url}/docs   Temporal UI: {self.temporal_ui_url}", highlight=False)
            console.print("Everything is still running. Point tools at it:", highlight=False)
            console.print("    eval \"$(./scripts/stack env | sed 's/^/export /')\"", highlight=False)
            console.print("Stop it: ./scripts/demo --stop", highlight=False)
        else:
            console.print("With --keep, Temporal UI and API docs stay open to look around.")

    def _grades_table(self) -> Table:
        table = Table(title="Leads by grade")
        for column in ("grade", "leads", "score", "price"):
            table.add_column(column, justify="left" if column == "grade" else "right")
        for grade in GRADES:
            leads = [result for result in self.results.values() if result.grade == grade]
            if not leads:
                continue
            scores = [result.score for result in leads if result.score is not None]
            prices = [result.price for result in leads if result.price is not None]
            table.add_row(grade, str(len(leads)), _range(scores), _range(prices, "$") or "not for sale")
        return table

    def _triggers_and_truth(self, figures: Mapping[str, Any]) -> Table:
        truth = figures["truth"]
        table = Table(title="Against the sandbox's truth (models alone, before any reviewer)")
        table.add_column("figure")
        table.add_column("value", justify="right")
        for name, value in truth.items():
            table.add_row(name.replace("_", " "), f"{value:.1%}" if isinstance(value, float) else str(value))
        return table

    def _explain_best(self, console: Console) -> None:
        sold = [result for result in self.results.values() if result.status is LeadStatus.AVAILABLE]
        best = max(sold, key=lambda result: result.score or 0, default=None)
        if best is None or best.lead_id is None or best.lead_id not in self.breakdowns:
            return
        table = Table(title=f"Why one lead scores {best.score} and costs ${best.price}")
        for column in ("factor", "points", "evidence"):
            table.add_column(column, justify="right" if column == "points" else "left")
        for factor in self.breakdowns[best.lead_id]:
            table.add_row(factor.name.replace("_", " "), f"{factor.points} of {factor.maximum}", factor.evidence)
        console.print(table)


def _range(values: Sequence[int] | Sequence[Decimal], unit: str = "") -> str:
    if not values:
        return ""
    low, high = min(values), max(values)
    return f"{unit}{low}" if low == high else f"{unit}{low}-{high}"
