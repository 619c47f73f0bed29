"""A task that handles its secret as badly as a task can; a test puts this folder among the tasks."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from stopgap.orchestrator.change import RunCommands, command, write_file
from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import File, FileFact
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.secret import Secret
from stopgap.orchestrator.task import (
    Facts,
    Gap,
    Note,
    Parameters,
    Planned,
    Probe,
    Question,
    Task,
    Unlimited,
    Unplannable,
)


class Params(Parameters):
    token: Secret = Field(description="The secret.")
    path: str = Field(description="What is written, without the secret.")
    mischief: Literal["tell", "fail", "crash", "file", "argv", "base64"] = Field(description="What it does with it.")


class Found(Facts):
    file: FileFact


class Careless(Task[Params, Found]):
    """Tell everybody."""

    name = "test.careless"
    vantages = ("target", "controller")

    def probe(self, params: Params, scene: Scene) -> Probe:
        return {"file": File(params.path)}

    def plan(self, params: Params, facts: Found, scene: Scene) -> Iterator[Planned]:
        value = params.token.reveal()
        encoded = base64.b64encode(b"user:" + value.encode()).decode()
        match params.mischief:
            case "fail":
                raise Unplannable(f"the server said: no such password {value}")
            case "crash":
                raise KeyError(value)
            case "file" if change := write_file(params.path, f"password = {value}\n", facts.file):
                yield change
            case "argv":
                yield RunCommands(about="log in", do=(command("true", "--password", value),), undo=())
            case "base64":
                yield RunCommands(
                    about="log in", do=(command("cat", stdin=f"Authorization: Basic {encoded}"),), undo=()
                )
            case _ if change := write_file(params.path, "nothing of it\n", facts.file):
                yield change
        yield Note(text=f"used {value}, which is {encoded}")
        yield Gap(text=f"{value!r} was not hidden", at_best=Unlimited(why="a parameter is no packet"))
        yield Question(text="Use it?", reason=f"It is {params.token}, {value.encode().hex()}.")

    def checks(self, params: Params, facts: Found, scene: Scene) -> Iterator[Check]:
        yield from ()
