"""The runner of a site: takes runs from the site's queue, each in a process of its own, and those of dead runners."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stopgap.orchestrator.journal.evidence_waiting import not_stored
from stopgap.orchestrator.journal.home import private_folder
from stopgap.orchestrator.journal.strays import RUN_ID
from stopgap.orchestrator.sites.carrying import LATER
from stopgap.orchestrator.sites.extra import QueueError, procrastinate_, psycopg
from stopgap.orchestrator.sites.pausing import WAITS
from stopgap.orchestrator.sites.queue import CUT, TASK, connection_settings, prepare, queue_of
from stopgap.orchestrator.sites.rate import TURN, Rate, prepare_rate
from stopgap.orchestrator.text import Text, tr

HEARTBEAT = 3.0
"""Seconds between two signs of life of a runner."""
DEAD_AFTER = 12.0
"""Seconds without a sign of life after which another runner takes the runs over."""
_LOOK = 3.0
"""Seconds between two looks for runs of dead runners."""
_AGAIN = 5
"""Seconds until a run is tried again that somebody else works on, or whose router is locked."""
_APPROVED = 15
"""Seconds until a run that waits for the approval or the answer of a person is tried again."""
_SILENT = 9
"""Seconds after which a database that does not answer counts as lost."""
_NOTICED = {
    "connect_timeout": 3,
    "tcp_user_timeout": 1000 * _SILENT,
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
_RECONNECT = 2.0
"""Seconds until a lost database is tried again."""
_IDLE = 0.5
"""Seconds between two looks at whether the queue is empty."""
_DUE = (
    "SELECT count(*) AS due FROM procrastinate_jobs WHERE queue_name = %(queue)s AND (status = 'doing' OR"
    " status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now() OR args->>'run' = ANY (%(held)s::text[])))"
)
"""Counts what is at work, what is due, and what this runner put back because of the rate."""
_GRACE = 0.5
"""Seconds for jobs that are about to end, where the worker ends."""
_STORED = 60.0
"""Seconds between two attempts to copy evidence to its store."""
_STORE = "import sys; from stopgap.orchestrator.sites.storing import main; sys.exit(main(sys.argv[1:]))"
_CODE = "import sys; from stopgap.orchestrator.sites.carrying import main; sys.exit(main(sys.argv[1:]))"


@dataclass(frozen=True)
class Site:
    """What a runner needs to know of its site."""

    name: str
    address: str
    """Database of the queue."""
    home: Path
    """State folder: evidence and logs of runs lie below."""
    slots: int = 4
    """How many runs it carries on at once."""
    inventories: tuple[str, ...] = ()
    """The site's own, which says how its hosts are reached; without one, the inventory of each run."""
    tell: Callable[[Text | str], None] = field(default=print)
    rate: Rate | None = None
    """How many runs that cut nothing off all runners of the site begin in a time."""


class TryLaterError(Exception):
    """Another process works on the run, or its router is locked, or the journal is out of reach."""

    def __init__(self, *, waits: bool = False, turn: float | None = None) -> None:
        """`waits`: for a person's approval or answer, which is no reason to hold other runs of the router back.

        `turn`: seconds until the rate of the site lets the run begin.
        """
        self.waits = waits
        self.seconds = math.ceil(turn) if turn else _APPROVED if waits else _AGAIN
        super().__init__(self.seconds)


@dataclass
class _Carrying:
    """The processes of the runs that this runner carries on; they outlast a lost database."""

    of: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by each run that has ended."""
    held: set[str] = field(default_factory=set)
    """Runs that this runner put back because of the rate."""
    over: bool = False
    """No run is begun any more."""

    def stop(self) -> None:
        """Have every run end after its present act; another runner carries the runs on."""
        self.stopping.set()
        for process in self.of.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()


def run_site(site: Site, *, until_idle: bool = False) -> None:
    """Carry runs on until a signal; `until_idle`: until the queue is empty. A lost database is waited for.

    Raises UsageError without the extra; with `until_idle`, QueueError where the queue cannot be used at the start.
    """
    for name in ("procrastinate", "psycopg.pool"):  # what they log is told in one line
        logging.getLogger(name).addHandler(logging.NullHandler())
    while True:
        try:
            prepare(site.address)
            if site.rate:
                prepare_rate(site.address)
            break
        except QueueError as error:
            if until_idle:
                raise
            site.tell(tr("{error}; it is tried again", error=error))
            time.sleep(_RECONNECT)
    asyncio.run(_serve(site, until_idle=until_idle))


async def _serve(site: Site, *, until_idle: bool) -> None:
    library, driver, carrying = procrastinate_(), psycopg(), _Carrying()
    loop = asyncio.get_running_loop()
    storing = asyncio.create_task(_store_evidence(site, carrying))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, carrying.stop)
    while not carrying.stopping.is_set():
        app = _app(site, library, carrying)
        try:
            async with app.open_async():
                await _work(site, app, carrying, until_idle=until_idle)
            if until_idle:
                break
            if not carrying.stopping.is_set():  # the worker ends by itself where a sign of life fails
                site.tell(tr("The queue is out of reach, and is tried again."))
        except (driver.Error, library.exceptions.ConnectorException, OSError) as error:
            site.tell(tr("The queue is out of reach, and is tried again: {error}", error=str(error).strip()))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(carrying.stopping.wait(), _RECONNECT)
    await asyncio.gather(*(process.wait() for process in carrying.of.values()))
    carrying.over = True
    carrying.ended.set()
    if carrying.stopping.is_set():
        storing.cancel()
    await asyncio.gather(storing, return_exceptions=True)


async def _store_evidence(site: Site, carrying: _Carrying) -> None:
    """Copy evidence that waits for its store, beside the slots, so that no run waits for it."""
    while True:
        carrying.ended.clear()
        await _store(site)
        if carrying.over and not carrying.ended.is_set():
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(carrying.ended.wait(), _STORED)


async def _store(site: Site) -> None:
    """Copy the waiting evidence once, in a child process that ends with the runner."""
    if not not_stored(site.home):
        return
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _STORE, str(os.getpid()), stdin=asyncio.subprocess.DEVNULL
    )
    try:
        await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()


async def _work(site: Site, app: Any, carrying: _Carrying, *, until_idle: bool) -> None:  # noqa: ANN401
    worker = asyncio.create_task(
        app.run_worker_async(
            queues=[queue_of(site.name)],
            name=f"{site.name}-{os.getpid()}",
            concurrency=site.slots,
            update_heartbeat_interval=HEARTBEAT,
            stalled_worker_timeout=DEAD_AFTER,
            fetch_job_polling_interval=HEARTBEAT,
            install_signal_handlers=False,
            # Where the database is lost the jobs are let go of at once, and their processes live on.
            shutdown_graceful_timeout=_GRACE,
        )
    )
    watching = asyncio.create_task(_take_over(site, app))
    stopping = asyncio.create_task(_idle(site, app, carrying) if until_idle else carrying.stopping.wait())
    try:
        await asyncio.wait({worker, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stopping.done():
            if stopping.exception() is None:  # else the database was lost
                await asyncio.gather(*(process.wait() for process in carrying.of.values()))
            worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await worker
            stopping.result()
        else:
            await worker
    finally:
        for task in (watching, stopping):
            task.cancel()
        await asyncio.gather(watching, stopping, return_exceptions=True)


def _app(site: Site, library: Any, carrying: _Carrying) -> Any:  # noqa: ANN401
    options = {**connection_settings(), **_NOTICED}
    connector = library.PsycopgConnector(conninfo=site.address, kwargs=options, min_size=1, timeout=_SILENT)
    app = library.App(connector=connector)

    class Later(library.BaseRetryStrategy):  # type: ignore[misc]
        def get_retry_decision(self, *, exception: BaseException, job: Any) -> Any:  # noqa: ANN401
            if not isinstance(exception, TryLaterError):
                return None
            # The queue holds back whatever has the same router as a job that is to be tried again.
            lock = f"waits {job.task_kwargs.get('run')}" if exception.waits else None
            return library.RetryDecision(retry_in={"seconds": exception.seconds}, lock=lock)

    @app.task(name=TASK, retry=Later(), pass_context=True)  # type: ignore[untyped-decorator]
    async def carry_on(context: Any, run: str) -> int:  # noqa: ANN401
        try:
            if site.rate and context.job.priority < CUT and run not in carrying.of and re.fullmatch(RUN_ID, run):
                turn = await connector.execute_query_one_async(TURN, **site.rate.asked(site.name, run))
                if turn["seconds"] > 0:
                    carrying.held.add(run)
                    raise TryLaterError(turn=turn["seconds"])
            carrying.held.discard(run)
            return await _carry_on(site, run, carrying)
        except asyncio.CancelledError:
            # The job goes back into the queue; whoever gets it finds the run held, or this process again.
            raise TryLaterError from None

    return app


async def _carry_on(site: Site, run: str, carrying: _Carrying) -> int:
    """Carry one run on in a process of its own; return its exit status. Raises TryLaterError."""
    if not re.fullmatch(RUN_ID, run):
        site.tell(tr("a job names no run, and is left out"))
        return 0
    if carrying.stopping.is_set():
        raise TryLaterError
    process = carrying.of.get(run)
    if process is None:
        process = carrying.of[run] = await _begun(site, run)
        site.tell(tr("Run {run}: begun", run=run))
    code = await asyncio.shield(process.wait())
    carrying.of.pop(run, None)
    carrying.ended.set()
    site.tell(tr("Run {run}: exit status {code}", run=run, code=code))
    if code == LATER or code < 0:
        raise TryLaterError
    if code == WAITS:
        raise TryLaterError(waits=True)
    return code


async def _begun(site: Site, run: str) -> asyncio.subprocess.Process:
    folder = private_folder(site.home / "runs" / run)
    with (folder / "runner.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _CODE,
            str(os.getpid()),
            run,
            *site.inventories,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


async def _idle(site: Site, app: Any, carrying: _Carrying) -> None:  # noqa: ANN401
    """Return once no run of the queue is at work or due, or the runner is to stop.

    The worker itself would stop giving signs of life while its last run goes on.
    """
    while not carrying.stopping.is_set():
        asked = {"queue": queue_of(site.name), "held": list(carrying.held)}
        if not carrying.of and not (await app.connector.execute_query_one_async(_DUE, **asked))["due"]:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(carrying.stopping.wait(), _IDLE)


async def _take_over(site: Site, app: Any) -> None:  # noqa: ANN401
    """Put the runs of dead runners back into the queue, again and again."""
    while True:
        with contextlib.suppress(Exception):  # a lost database ends the worker, which tells of it
            for job in await app.job_manager.get_stalled_jobs(
                queue=queue_of(site.name), seconds_since_heartbeat=DEAD_AFTER
            ):
                await app.job_manager.retry_job(job)
                site.tell(tr("Run {run}: taken over from a runner that is gone", run=job.task_kwargs.get("run", "?")))
        await asyncio.sleep(_LOOK)
