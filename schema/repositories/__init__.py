"""All SQL of the system, one class per aggregate. Repositories never commit: their caller's transaction does."""
