"""Finding contractors (spec 3.6.1)."""
