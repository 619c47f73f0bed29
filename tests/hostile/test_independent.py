"""The same promises against another implementation of SSH than the client's own: asyncssh."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import asyncssh
import paramiko
import pytest

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote import connect

from .ours import ITEMS
from .server import Field

Process = asyncssh.SSHServerProcess[bytes]
Behaviour = Callable[[Process, bytes], Awaitable[None]]
FIRST = b"%s B 0 10 20\n"
HONEST = FIRST + b"out%s E 0 0\n%s B 1 11 21\n%s E 1 7\n"


@contextmanager
def served(evil: Field, behave: Behaviour, **options: Any) -> Iterator[Host]:
    """Serve from an event loop on a thread of its own."""
    loop, ready, ports = asyncio.new_event_loop(), threading.Event(), []
    key = asyncssh.generate_private_key("ssh-ed25519")
    allowed = evil.folder / "authorized_keys"
    public = paramiko.ECDSAKey.from_private_key_file(str(evil.identity))
    allowed.write_text(f"{public.get_name()} {public.get_base64()}\n")

    async def process(process: Process) -> None:
        script = await process.stdin.readuntil(b"exit 0\n}\n")
        await behave(process, script.split(b"_sg_n=", 1)[1].split(b"\n", 1)[0])

    async def listen() -> None:
        listener = await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[key], authorized_client_keys=str(allowed), process_factory=process,
            encoding=None, **options,
        )  # fmt: skip
        ports.append(listener.get_port())
        ready.set()

    def run() -> None:
        loop.run_until_complete(listen())
        loop.run_forever()

    threading.Thread(target=run, daemon=True).start()
    assert ready.wait(180)
    evil.pin(ports[0], paramiko.Ed25519Key(data=key.public_data))
    try:
        yield evil.host(ports[0])
    finally:
        loop.call_soon_threadsafe(loop.stop)


async def honest(process: Process, nonce: bytes) -> None:
    for stream in (process.stdout, process.stderr):
        stream.write(HONEST % ((nonce,) * 4))
    await asyncio.sleep(0.5)
    process.exit(0)


async def killed(process: Process, nonce: bytes) -> None:
    process.stdout.write(FIRST % nonce)
    process.stderr.write(FIRST % nonce)
    process.exit_with_signal("KILL", False, "\x1b[31mkilled")


async def endless(process: Process, nonce: bytes) -> None:
    process.stdout.write(FIRST % nonce)
    process.stderr.write(FIRST % nonce)
    while True:
        process.stdout.write(b"x" * 32000)
        await process.stdout.drain()


@pytest.mark.parametrize(
    ("behave", "options", "statuses"),
    [
        (honest, {}, [0, 7]),
        (killed, {}, [None, None]),
        (endless, {}, [None, None]),
        (endless, {"rekey_bytes": 20000}, [None, None]),
    ],
    ids=["honest", "exit signal", "endless output", "endless output under new keys all the time"],
)
def test_another_server(behave: Behaviour, options: dict[str, Any], statuses: list[int | None], evil: Field):
    with served(evil, behave, **options) as host:
        session = connect(host, {}, replace(evil.limits, connect=5))
        begun = time.monotonic()
        outputs = session.exchange(ITEMS)
        assert time.monotonic() - begun < evil.limits.start + 0.4 + 2 * evil.limits.grace + 60
        assert [output.status for output in outputs] == statuses
        session.close()
