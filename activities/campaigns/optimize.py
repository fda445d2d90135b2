"""The hourly look at campaigns and mailboxes: count, judge, pause what does harm (spec 3.6.5)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from activities.campaigns.launch import pause
from activities.sequences.records import steps_of
from domain import campaign_figures, mailboxes
from domain.experiments import State, Tally, Verdict, judge, winner_of
from schema.contracts.campaigns import OptimizationReport, OptimizationRequest
from schema.database import Database, UnitOfWork
from schema.repositories.metrics import CampaignFigures, Ratios
from schema.tables import OutreachCampaign

Tests = Mapping[str, Mapping[str, Tally]]


@dataclass(frozen=True, slots=True)
class Optimizer:
    """Steps of CampaignOptimizationWorkflow; running them twice changes nothing the second time."""

    db: Database
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def optimize(self, request: OptimizationRequest) -> OptimizationReport:
        """Refreshes figures, declares winners of A/B tests, pauses campaigns and mailboxes that do harm."""
        async with self.db.transaction() as tx:
            ids = [request.campaign_id] if request.campaign_id else await tx.campaigns.not_drafts()
            figures = await tx.metrics.refresh(ids)
            await tx.metrics.save_ratios([ratios_of(each) for each in figures])
            await tx.metrics.refresh_contractors(ids)
        winners = await self._judge_experiments(ids)
        paused = await self._pause_campaigns(ids)
        rested = await self._pause_mailboxes()
        async with self.db.transaction() as tx:
            active = await tx.campaigns.active(ids)
        return OptimizationReport(
            campaigns=len(figures),
            winners=winners,
            paused_campaigns=tuple(paused),
            paused_mailboxes=tuple(rested),
            active=tuple(active),
        )

    async def _judge_experiments(self, ids: Sequence[UUID]) -> int:
        """How many tests have a winner since this look."""
        won = 0
        async with self.db.transaction() as tx:
            tallies = await tx.metrics.arms(ids, self.clock() - campaign_figures.RIPE_AFTER)
            for campaign_id in ids:
                campaign = await tx.campaigns.get(campaign_id)
                if campaign is not None:
                    won += await _judge_campaign(tx, campaign, tallies.get(campaign_id, {}))
        return won

    async def _pause_campaigns(self, ids: Sequence[UUID]) -> list[UUID]:
        paused: list[UUID] = []
        async with self.db.transaction() as tx:
            for campaign_id, ripe in (await tx.metrics.ripe(ids, self.clock() - campaign_figures.RIPE_AFTER)).items():
                reason = campaign_figures.why_pause(ripe)
                campaign = await tx.campaigns.get(campaign_id) if reason else None
                if campaign is not None and reason is not None and await pause(tx, campaign, reason):
                    paused.append(campaign_id)
        return paused

    async def _pause_mailboxes(self) -> list[UUID]:
        rested: list[UUID] = []
        async with self.db.transaction() as tx:
            tallies = await tx.metrics.mailboxes(self.clock() - timedelta(days=mailboxes.TALLY_DAYS))
            for mailbox_id, tally in tallies.items():
                reason = mailboxes.why_pause(tally)
                if reason is None:
                    continue
                values = {"state": "paused", "pause_reason": reason, "paused_at": self.clock()}
                if await tx.campaigns.change_mailbox(mailbox_id, ("active",), **values) is None:
                    continue
                data = {"reason": reason, "sent": tally.sent, "bounced": tally.bounced, "complained": tally.complained}
                await tx.events.record("mailbox.paused", "mailbox", mailbox_id, data, "warning")
                rested.append(mailbox_id)
        return rested


def ratios_of(figures: CampaignFigures) -> Ratios:
    """Cost per acquisition and return on investment of a campaign."""
    return Ratios(
        figures.campaign_id,
        campaign_figures.cost_per_acquisition(figures.cost, figures.counters.signups_generated),
        campaign_figures.return_on_investment(figures.revenue, figures.cost),
    )


def tests_of(campaign: OutreachCampaign, tallies: Tests) -> dict[str, dict[str, Tally]]:
    """The A/B tests in a campaign's steps, by template; an arm without messages yet counts as an empty one."""
    tests: dict[str, dict[str, Tally]] = {}
    for step in steps_of(campaign):
        if len(step.variants) > 1:
            seen = tallies.get(step.template, {})
            tests[step.template] = {arm: seen.get(arm, Tally(0, 0)) for arm in step.variants}
    return tests


def standings(campaign: OutreachCampaign, tallies: Tests) -> dict[str, tuple[Verdict, str | None]]:
    """How each A/B test of a campaign stands, and its winner. A winner stays: the test is over."""
    found: dict[str, tuple[Verdict, str | None]] = {}
    for template, arms in tests_of(campaign, tallies).items():
        verdict, before = judge(arms), winner_of(campaign.experiments, template)
        found[template] = (verdict, before if before in arms else verdict.winner)
    return found


def verdict_record(verdict: Verdict, winner: str | None) -> dict[str, Any]:
    """How a test stands, as `outreach_campaigns.experiments` keeps it."""
    return {
        "state": (State.WON if winner else verdict.state).value,
        "winner": winner,
        "arms": {
            name: {
                "trials": arm.trials,
                "successes": arm.successes,
                "rate": round(arm.rate, 6),
                "best": round(arm.best, 6),
                "loss": round(arm.loss, 6),
            }
            for name, arm in verdict.arms.items()
        },
    }


async def _judge_campaign(tx: UnitOfWork, campaign: OutreachCampaign, tallies: Tests) -> int:
    won = 0
    records: dict[str, Any] = {}
    for template, (verdict, winner) in standings(campaign, tallies).items():
        records[template] = verdict_record(verdict, winner)
        if winner is not None and winner != winner_of(campaign.experiments, template):
            won += 1
            data = {"template": template, "winner": winner, "evidence": round(verdict.evidence, 2)}
            await tx.events.record("experiment.won", "campaign", campaign.id, data)
    if records != (campaign.experiments or {}):
        await tx.campaigns.save_experiments(campaign.id, records)
    return won
