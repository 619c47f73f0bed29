"""A mail server that keeps each mail as a file: `python -m drill_play.mailbox ADDRESS PORT FOLDER`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope


class Keep:
    """Writes each mail under the next number, with its recipient in front."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: ANN401, N802
        """Keep it, and say so."""
        number = len(list(self.folder.glob("*.eml"))) + 1
        content = envelope.original_content or b""
        part = self.folder / f".{number}"
        part.write_bytes(f"X-Drill-To: {envelope.rcpt_tos[0]}\r\n".encode() + content)
        part.rename(self.folder / f"{number:03}.eml")
        return "250 kept"


def main(address: str, port: str, folder: str) -> None:
    """Serve until it is told to end."""
    controller = Controller(Keep(Path(folder)), hostname=address, port=int(port))
    controller.start()
    print("ready", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    controller.stop()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main(*sys.argv[1:])
