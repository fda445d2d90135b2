"""The outside world as a process of its own, one per test worker."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from sandbox.app import settings_for
from stack.ports import pick
from tests.support.servers import ROOT, remember

READY_SECONDS = 60


class Sandbox:
    """A running `python -m sandbox`."""

    def __init__(self, log: Path, seed: int = 7) -> None:
        self.seed = seed
        self.port = pick([])
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sandbox", "--port", str(self.port), "--seed", str(seed)],
                cwd=ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        remember(self._process.pid)
        self._http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        self._await_ready()

    def get(self, path: str, **parameters: Any) -> Any:
        """The answer of a control endpoint, e.g. `get("/control/houses")`."""
        answer = self._http.get(path, params=parameters)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        """The answer of a control endpoint that changes something, e.g. `post("/control/webhooks", base_url=...)`."""
        answer = self._http.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    def fault(self, vendor: str, kind: str, **options: Any) -> None:
        """Make a vendor fail: `fault("google", "throttle", count=2)`."""
        self._http.post("/control/faults", json={"vendor": vendor, "kind": kind, **options}).raise_for_status()

    def reset(self) -> None:
        """No faults, no mail, texts, calls or meetings, nobody to tell of events, counters at zero."""
        self._clear("webhooks", "stripe", "calls", "meetings", "ollama", "faults", "mailbox", "texts", "stats")

    def mend(self) -> None:
        """No faults from now on; the counters go on."""
        self._clear("faults")

    def settings(self) -> dict[str, Any]:
        """The values of Settings that point every vendor at this sandbox."""
        return settings_for(self.url)

    def close(self) -> None:
        """End the process."""
        self._http.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _clear(self, *what: str) -> None:
        for name in what:
            self._http.delete(f"/control/{name}").raise_for_status()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the sandbox stopped while starting:\n{self.log.read_text()}")
            try:
                if self._http.get("/control/health").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise RuntimeError(f"the sandbox did not answer:\n{self.log.read_text()}")
