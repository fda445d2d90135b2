"""Campaigns as a whole: launch, optimisation, the sweep that heals (spec 3.6.5, 3.8.2)."""
