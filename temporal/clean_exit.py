"""Leaving a process that used the Temporal SDK.

temporalio 1.35 on CPython 3.11 now and then aborts while the interpreter shuts down (SIGABRT in
PyGILState_Release, after all work is done and its result is right). A program that ends through `leave`
skips that shutdown, so its exit status is the one it earned.
"""

import logging
import os
import sys
from typing import NoReturn


def leave(status: int) -> NoReturn:
    """Flush what was written and exit at once with `status`. Call it last, when workers are shut down."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)
