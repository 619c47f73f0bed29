"""Headless Chromium, driven over a pipe by the Chrome DevTools Protocol."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PATIENCE = 120.0
"""Seconds until something that was waited for counts as missing."""


def chromium() -> str | None:
    """Return the path of Debian's Chromium; None where it is not installed."""
    return next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium"))), None)


class Browser:
    """One browser process with a profile of its own; ends with the block."""

    def __init__(self, program: str) -> None:
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()

        # Chromium reads commands at 3 and answers at 4; the ends are moved out of the way of these first.
        reading, writing = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_browser, from_browser))
        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")
        words = (program, *flags, "--remote-debugging-pipe", f"--user-data-dir={self._profile.name}", "about:blank")
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{reading} 4>&{writing}', "bash", *words],
            pass_fds=(reading, writing),
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(reading)
        os.close(writing)
        os.close(to_browser)
        os.close(from_browser)
        self._pending = b""
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._write)
        os.close(self._read)
        self._profile.cleanup()

    def tab(self, *, fresh: bool = False) -> Tab:
        """Open a tab; `fresh`: of another person, without the cookies of the rest."""
        context = self.call("Target.createBrowserContext")["browserContextId"] if fresh else None
        asked = {"browserContextId": context} if context else {}
        target = self.call("Target.createTarget", url="about:blank", **asked)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Tab(self, session)

    def call(self, method: str, session: str | None = None, **params: object) -> dict[str, Any]:
        """Send a command and return its result; raises RuntimeError for an error of the browser."""
        self._count += 1
        asked = {"id": self._count, "method": method, "params": params, **({"sessionId": session} if session else {})}
        os.write(self._write, json.dumps(asked).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._pending:
            if not select.select([self._read], [], [], PATIENCE)[0]:
                raise TimeoutError("the browser says nothing")
            part = os.read(self._read, 1 << 20)
            if not part:
                raise RuntimeError("the browser ended")
            self._pending += part
        message, _, self._pending = self._pending.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        return told


class Tab:
    """One page in the browser."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self._call("Page.enable")
        self._call("Runtime.enable")

    def _call(self, method: str, **params: object) -> dict[str, Any]:
        return self._browser.call(method, self._session, **params)

    def look(self, width: int, height: int, *, dark: bool = False) -> None:
        """Set the size of the window, and what the person prefers."""
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        preferred = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[preferred])

    def open(self, address: str) -> None:
        """Open an address, and wait for the page."""
        self._call("Runtime.evaluate", expression="window.stopgapOld = true")
        self._call("Page.navigate", url=address)
        self.wait("!window.stopgapOld && document.readyState === 'complete'")

    def value(self, expression: str) -> Any:  # noqa: ANN401
        """Return the value of an expression of JavaScript."""
        got = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in got:
            raise RuntimeError(f"{expression}: {got['exceptionDetails'].get('text')}")
        return got["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until an expression is true; raises TimeoutError."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                if self.value(expression):
                    return
            except RuntimeError:  # the page is between two documents
                pass
            if time.monotonic() > until:
                raise TimeoutError(f"never true: {expression}\n{self.text()[:2000]}")
            time.sleep(0.05)

    def text(self) -> str:
        """Return the text of the page as a person sees it."""
        return str(self.value("document.body.innerText"))

    def click(self, selector: str) -> None:
        """Click on an element."""
        self.value(f"document.querySelector({json.dumps(selector)}).click()")

    def fill(self, selector: str, words: str) -> None:
        """Type into a field."""
        self.value(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(words)}")

    def press(self, key: str, code: int) -> None:
        """Press a key, such as `Tab`, 9."""
        for kind in ("rawKeyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Write what is seen as PNG; `whole`: the page to its end, 4,000 pixels at most."""
        extra: dict[str, Any] = {}
        if whole:
            width, height = self.value("[innerWidth, Math.min(4000, document.documentElement.scrollHeight)]")
            extra = {
                "captureBeyondViewport": True,
                "clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1},
            }
        got = self._call("Page.captureScreenshot", format="png", **extra)
        path.write_bytes(base64.b64decode(got["data"]))
