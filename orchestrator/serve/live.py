"""Server-sent events: a part of a page again and again, for as long as it moves (HTML Standard, 9.2)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response, StreamingResponse

PAUSE = 1.0
"""Seconds between two looks."""
BEAT = 15
"""Looks after which a page that does not move hears that the connection stands."""
MOST = 32
"""Streams at once."""
LASTS = 3600
"""Looks of one stream; the browser then connects again, and is asked anew who is there."""


@dataclass(frozen=True)
class Part:
    """What of a page moves."""

    html: str
    said: str
    """One sentence for whoever hears the page."""
    over: bool
    """It moves no more."""


class Streams:
    """Keeps the number of streams bounded."""

    def __init__(self) -> None:
        self._open = 0

    def answer(self, look: Callable[[], Part]) -> Response:
        """Return a stream of what `look` gives, which runs in a thread; an error in it ends the stream."""
        if self._open >= MOST:
            return PlainTextResponse("busy\n", 503, {"Retry-After": "10"})
        return StreamingResponse(self._events(look), media_type="text/event-stream")

    async def _events(self, look: Callable[[], Part]) -> AsyncIterator[str]:
        self._open += 1
        try:
            before, still = "", 0
            for _ in range(LASTS):
                part = await run_in_threadpool(look)
                if part.html != before:
                    before, still = part.html, 0
                    yield f"data: {json.dumps({'html': part.html, 'said': part.said})}\n\n"
                elif (still := still + 1) % BEAT == 0:
                    yield ": \n\n"
                if part.over:
                    yield "event: over\ndata: \n\n"
                    return
                await anyio.sleep(PAUSE)
        finally:
            self._open -= 1
