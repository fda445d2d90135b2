"""The outside world on loopback: a seeded city and the vendors' wire formats, with faults on demand."""
