"""Exchanges with a provider's own program on the controller: each item is a dialogue, and no shell takes part.

The program gets one JSON request on standard input, and answers with one JSON object on standard output. Its standard
error goes into reasons, bounded and escaped. A program past its deadline is killed together with its process group.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError

from stopgap.orchestrator.change import DRIFTED, UNCERTAIN
from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hostnumber import parse_json
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.provider_script import (
    LONGEST,
    Alter,
    Ask,
    DoneAnswer,
    Operation,
    PlanAnswer,
    ProviderRequest,
    StatusAnswer,
    canonical,
    from_provider_text,
)
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.session import Item, Session, Sink, one_by_one
from stopgap.orchestrator.secret import Secret
from stopgap.orchestrator.secret.agreement import is_agreed, reference_of
from stopgap.orchestrator.shell import PATH, join
from stopgap.orchestrator.text import tr

A = TypeVar("A", bound=BaseModel)

_PORTION = 64 << 10
_CONFIDENTIAL = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL", re.IGNORECASE)
"""Names of variables whose values are redacted."""
_POLL = 1.0
"""Seconds between two looks at a change that is not in force everywhere yet."""
_SAID = 400
"""Most characters of standard error in a reason."""
_REFUSED, _CONFLICT, _UNREACHED, _PARTLY = 2, 3, 4, 5
"""Exit statuses of the protocol, beside 0."""


class ProgramError(Exception):
    """The program gave no answer that counts; `status` is its exit status, None if it was killed or not started."""

    def __init__(self, reason: str, status: int | None) -> None:
        self.status = status
        super().__init__(reason)


@dataclass(frozen=True)
class Ended:
    """What a program left behind."""

    status: int
    stdout: bytes
    stderr: bytes


class ProviderSession:
    """Runs the program once for each request; a `Session`. A shell script gets the status `None` and is never run."""

    fingerprint: str | None = None
    no_shell: str | None = None

    def __init__(self, host: Host, limits: Limits) -> None:
        self.host = host
        self._limits = limits
        self._turn = threading.Lock()
        self._trouble: str | None = None
        self._closed = threading.Event()

    @property
    def alive(self) -> bool:
        """True until the session is closed."""
        return not self._closed.is_set()

    @property
    def trouble(self) -> str | None:
        """The reason for unknown items of the last exchange."""
        return self._trouble

    def exchange(
        self,
        items: Sequence[Item],
        *,
        stop_on_failure: bool = False,
        deadline: float | None = None,
        sink: Sink | None = None,
    ) -> list[Output]:
        """Have the dialogues in order; see `Session.exchange`."""
        with self._turn:
            self._trouble = None
            end = time.monotonic() + min(self._limits.exchange, deadline or self._limits.exchange)

            def have(item: Item) -> Output:
                return self._have(item, min(end, time.monotonic() + item.deadline))

            return one_by_one(items, have, stop_on_failure=stop_on_failure, sink=sink)

    def enough(self) -> None:
        """Do nothing: no dialogue with a program is open-ended."""

    def beside(self) -> Session | None:
        """Return no session for reads beside this one."""
        return None

    def halt(self) -> None:
        """Do nothing: no exchange with a program has a pause."""

    def close(self) -> None:
        """Kill a running program; its exchange returns at once."""
        self._closed.set()

    def _have(self, item: Item, end: float) -> Output:
        dialogue = from_provider_text(item.script)
        if dialogue is None:
            self._trouble = tr("it is a provider's program, and has no shell to run that in")
            return _output(None)
        try:
            match dialogue:
                case Ask():
                    return _output(0, b"\n".join(self._answers(dialogue, end)))
                case Alter(request=request) if request.op == "undo":
                    return self._undo(dialogue, end)
                case Alter(request=request):
                    return self._apply(request, end)
        except ProgramError as error:
            self._trouble = str(error)
            return _output(None if error.status is None else 1, error=str(error))

    def _answers(self, ask: Ask, end: float) -> list[bytes]:
        """Ask in order; what a plan wants is told to the operations after it."""
        answers, request = [], ask.request
        for operation in ask.operations:
            answers.append(self._ask(request, operation, end))
            if operation == "plan":
                plan = parsed_answer(answers[-1], PlanAnswer, self.host.name, operation)
                request = request.model_copy(update={"before": plan.before, "wanted": plan.wanted})
        return answers

    def _apply(self, request: ProviderRequest, end: float) -> Output:
        """Go from `before` to `wanted`, and see that it came about."""
        before, wanted = canonical(request.before), canonical(request.wanted)
        now = canonical(self._status(request, end).state)
        if now == wanted:
            return _output(0)
        if now != before:
            return _output(DRIFTED, error=tr("the provider shows another state than the plan has seen"))
        try:
            self._answer(request, "apply", end, DoneAnswer)
        except ProgramError as error:
            if error.status in {_REFUSED, _UNREACHED}:
                return _output(1, error=str(error))
            if error.status == _CONFLICT:
                return _output(DRIFTED, error=str(error))
            return self._settled(request, wanted, before, end, str(error))
        return self._settled(request, wanted, before, end, tr("the program says it is done, and its status does not"))

    def _undo(self, dialogue: Alter, end: float) -> Output:
        """Go back to `before` from the state that apply has left; leave any other state alone."""
        request = dialogue.request.model_copy(update={"force": dialogue.force or not dialogue.sure})
        before, wanted = canonical(request.before), canonical(request.wanted)
        now = canonical(self._status(request, end).state)
        if now == before:
            return _output(0)
        if now != wanted and dialogue.sure and not dialogue.force:
            return _output(DRIFTED, error=tr("the provider shows another state than the block has left"))
        try:
            self._answer(request, "undo", end, DoneAnswer)
        except ProgramError as error:
            if error.status == _CONFLICT:
                return _output(DRIFTED, error=str(error))
            return self._settled(request, before, wanted, end, str(error))
        return self._settled(
            request, before, wanted, end, tr("the program says it is undone, and its status does not")
        )

    def _settled(self, request: ProviderRequest, aim: str, former: str, end: float, why: str) -> Output:
        """Look until the state is the aim and nothing is pending; tell a state that is neither as uncertain."""
        while True:
            seen = self._status(request, end)
            now = canonical(seen.state)
            if now == aim and not seen.pending:
                return _output(0)
            if not seen.pending:
                return _output(1 if now == former else UNCERTAIN, error=why)
            if time.monotonic() + _POLL >= end:
                return _output(
                    UNCERTAIN, error=tr("the provider has accepted it, and it is not in force everywhere yet")
                )
            self._closed.wait(_POLL)

    def _status(self, request: ProviderRequest, end: float) -> StatusAnswer:
        return self._answer(request, "status", end, StatusAnswer)

    def _answer(self, request: ProviderRequest, operation: Operation, end: float, model: type[A]) -> A:
        return parsed_answer(self._ask(request, operation, end), model, self.host.name, operation)

    def answer_to(self, request: dict[str, Any], timeout: float) -> Ended:
        """Run the program once for a request of any form, for a test of the program.

        Raises ProgramError for a program that was killed, or could not be started.
        """
        return self._run(json.dumps(request).encode(), time.monotonic() + timeout, str(request.get("op")))

    def _ask(self, request: ProviderRequest, operation: Operation, end: float) -> bytes:
        """Run the program for one request and return its answer; raises ProgramError."""
        left = max(1, int(end - time.monotonic()))
        asked = request.model_copy(update={"op": operation, "deadline": left})
        ended = self._run(asked.model_dump_json().encode(), end, operation)
        if ended.status != 0:
            said = HostText(ended.stderr[-_SAID:]).last_line() or tr("exit status {status}", status=ended.status)
            raise ProgramError(f"{operation}: {said}", ended.status)
        return ended.stdout.strip().replace(b"\n", b" ")

    def _run(self, request: bytes, end: float, operation: str) -> Ended:
        if not is_agreed(reference_of(self.host.exec)):
            raise ProgramError(
                tr("nobody has agreed to run {exec} here: `stopgap trust INVENTORY`", exec=join(self.host.exec)), None
            )
        try:
            process = subprocess.Popen(
                self.host.exec,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(self.host),
                start_new_session=True,
            )
        except OSError as error:
            raise ProgramError(f"{self.host.exec[0]}: {error.strerror}", None) from None
        try:
            stdout, stderr = self._converse(process, request, end)
            over = self._closed.is_set() or time.monotonic() >= end
            too_much = len(stdout) > LONGEST
            if over or too_much:
                why = (
                    "interrupted"
                    if self._closed.is_set()
                    else tr("no answer in time")
                    if over
                    else tr("more than 1 MiB")
                )
                raise ProgramError(
                    tr("{operation}: {why}; the program was killed", operation=operation, why=why), None
                )
            return Ended(process.wait(max(end - time.monotonic(), 0.1)), stdout, stderr)
        except subprocess.TimeoutExpired:
            raise ProgramError(
                tr("{operation}: it did not end in time; the program was killed", operation=operation), None
            ) from None
        finally:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                with contextlib.suppress(OSError):
                    _there(pipe).close()

    def _converse(self, process: subprocess.Popen[bytes], request: bytes, end: float) -> tuple[bytes, bytes]:
        stdin, stdout, stderr = (_there(pipe) for pipe in (process.stdin, process.stdout, process.stderr))
        requests, answers, errors = stdin.fileno(), stdout.fileno(), stderr.fileno()
        heard: dict[int, bytearray] = {answers: bytearray(), errors: bytearray()}
        left = memoryview(request)
        with selectors.DefaultSelector() as ready:
            for pipe in (stdin, stdout, stderr):
                os.set_blocking(pipe.fileno(), False)
                ready.register(pipe, selectors.EVENT_WRITE if pipe is stdin else selectors.EVENT_READ)
            while heard.keys() & {key.fd for key in ready.get_map().values()} and not self._closed.is_set():
                if time.monotonic() >= end or len(heard[answers]) > LONGEST:
                    break
                for key, _ in ready.select(min(0.2, max(end - time.monotonic(), 0))):
                    if key.fd == requests:
                        left = _sent(stdin, left)
                        if not left:
                            ready.unregister(stdin)
                            stdin.close()
                    elif data := os.read(key.fd, _PORTION):
                        heard[key.fd] += data
                        del heard[errors][:-LONGEST]
                    else:
                        ready.unregister(key.fd)
        return bytes(heard[answers]), bytes(heard[errors])


def _sent(stdin: IO[bytes], data: memoryview) -> memoryview:
    """Send a portion, and return the rest; nothing is left for a program that has stopped reading."""
    try:
        return data[os.write(stdin.fileno(), data[:_PORTION]) :]
    except BlockingIOError:
        return data
    except OSError:
        return data[len(data) :]


def environment(host: Host) -> dict[str, str]:
    """Return the program's environment: the usual words, and the variables that the inventory names."""
    kept = {name: _value(name) for name in host.env if name in os.environ}
    return {"PATH": PATH, "HOME": os.path.expanduser("~"), "LC_ALL": "C", **kept}  # noqa: PTH111


def _value(name: str) -> str:
    """Return a variable's value; one that holds a secret by its name is redacted from now on."""
    return Secret(f"env:{name}").reveal() if _CONFIDENTIAL.search(name) else os.environ[name]


def parsed_answer(data: bytes, model: type[A], host: str, operation: str) -> A:
    """Parse an answer; raises ProgramError with the first fault."""
    try:
        return model.model_validate(_strictly(data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or tr("the answer")
        raise ProgramError(f"{operation}: {place}: {first['msg']}", 0) from None
    except ValueError:
        raise ProgramError(
            tr("{operation}: what {host}'s program printed is no JSON object", operation=operation, host=host), 0
        ) from None


def _strictly(data: bytes) -> Any:  # noqa: ANN401
    return parse_json(data.decode("utf-8"))


def _output(status: int | None, stdout: bytes = b"", *, error: str = "") -> Output:
    return Output(HostText(stdout), HostText(error.encode("utf-8", "surrogateescape")), status)


def _there(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101
    return pipe
