"""How each queue's activities object is built from the shared resources."""

from collections.abc import Callable

from workers.resources import Resources
from workflows.options import TaskQueue


FACTORIES: dict[TaskQueue, Callable[[Resources], object]] = {}
