"""Subscriptions: signing up, paying, changing, ending, and what goes back (spec 3.6.6)."""
