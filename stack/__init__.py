"""The embedded stack: real Temporal, PostgreSQL + PostGIS, Redis-protocol and S3 servers on loopback.

`Stack(root).up()` starts what is not running and returns once everything answers.
"""

from stack.errors import StackError
from stack.stack import ComponentStatus, Stack

__all__ = ["ComponentStatus", "Stack", "StackError"]
