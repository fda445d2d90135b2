"""The connection and everything about the Temporal server."""

from temporal.connection import connect

__all__ = ["connect"]
