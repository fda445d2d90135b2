"""Telling contractors (spec 6.4)."""
