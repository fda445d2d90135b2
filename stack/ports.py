"""Free loopback ports, chosen once and remembered.

Ports come from below the kernel's ephemeral range, so that an outgoing connection can never sit on a
port that a stopped component wants back.
"""

import json
import random
import socket
import threading
from collections.abc import Iterable
from pathlib import Path

LOWEST, HIGHEST = 20000, 32000


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def pick(taken: Iterable[int]) -> int:
    """A free port that is not in `taken`."""
    avoid = set(taken)
    for port in random.sample(range(LOWEST, HIGHEST), HIGHEST - LOWEST):
        if port not in avoid and is_free(port):
            return port
    raise OSError(f"no free port between {LOWEST} and {HIGHEST}")


class PortBook:
    """The ports of one stack, kept in a file so that addresses stay the same over down and up."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}

    def get(self, name: str) -> int:
        """The port called `name`, chosen now if it has none yet."""
        with self._lock:
            if name not in self._ports:
                self._choose([name])
            return self._ports[name]

    def replace_taken(self, names: Iterable[str]) -> list[str]:
        """Choose new ports for those of `names` that another program listens on; returns the names changed."""
        with self._lock:
            changed = [name for name in names if name in self._ports and not is_free(self._ports[name])]
            self._choose(changed)
            return changed

    def _choose(self, names: Iterable[str]) -> None:
        for name in names:
            self._ports[name] = pick(self._ports.values())
            draft = self._path.with_suffix(".new")
            draft.write_text(json.dumps(self._ports, indent=2, sort_keys=True) + "\n")
            draft.replace(self._path)
