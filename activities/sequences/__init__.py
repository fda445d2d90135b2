"""Enrolments: who is in which sequence, and what is due (spec 6.3 steps 4 and 5)."""
