"""What the tests of the drivers share: the block as a run would plan and apply it, and watchers of packets."""

from __future__ import annotations

import json
import subprocess
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.change import Change
from stopgap.orchestrator.facts import Output, Reader, UnreadableError
from stopgap.orchestrator.host import Host, Scene
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.shell import quote
from stopgap.orchestrator.task import At, Gap, Planned
from stopgap.tasks.traffic.block import BlockTraffic, Params
from stopgap.tasks.traffic.driver import DeviceFacts

if TYPE_CHECKING:
    from tests.lab.conftest import Lab

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TASK = BlockTraffic()


def host(name: str, *addresses: str, **more: object) -> Host:
    return Host.model_validate({"name": name, "address": addresses[0], "addresses": addresses, **more})


WEB = host("web", "203.0.113.10", "2001:db8:113::10", upstream="edge", spare="spare")
SPARE = host("spare", "203.0.113.20", "2001:db8:113::20")
NEIGHBOUR = host("neighbour", "203.0.113.30", "2001:db8:113::30")
ISP = host("isp", "192.0.2.1", vantage="outside")
EDGE = host("edge", "10.9.0.1", driver="nftables", may_block=["203.0.113.0/24", "2001:db8:113::/64"])
WITH_SPARE = Scene(target=WEB, on=EDGE, upstream=EDGE, spare=SPARE, outside=(ISP,), others=(SPARE, NEIGHBOUR, ISP))
WITHOUT_SPARE = WITH_SPARE.model_copy(update={"spare": None})


class Router:
    """Plans and applies the block as a run would: readers and changes as scripts over SSH, one exchange a host."""

    def __init__(self, lab: Lab, scene: Scene) -> None:
        self.lab, self.scene = lab, scene

    def read(self, wanted: Sequence[tuple[str, Reader[Any]]]) -> list[Any]:
        """What each reader gives at its host, in order; an error where it cannot be read."""
        hosts = list(dict.fromkeys(host for host, _ in wanted))
        scripts = [[reader.script() for at, reader in wanted if at == host] for host in hosts]
        with ThreadPoolExecutor(max(len(hosts), 1)) as pool:
            outputs = dict(zip(hosts, map(iter, pool.map(self._outputs, hosts, scripts)), strict=True))
        return [_parsed(reader, next(outputs[host])) for host, reader in wanted]

    def _outputs(self, host: str, scripts: list[str]) -> list[Output]:
        lines = ["d=$(mktemp -d)"]
        for n, script in enumerate(scripts):
            lines.append(f"{{ sh -c {quote(script)} >$d/{n}.o 2>$d/{n}.e </dev/null; echo $? >$d/{n}.s; }} &")
        lines.append("wait")
        lines += [
            f'echo "$(cat $d/{n}.s),$(base64 -w0 <$d/{n}.o),$(base64 -w0 <$d/{n}.e)"' for n in range(len(scripts))
        ]
        together = "\n".join([*lines, "rm -r $d"])
        if host == "controller":
            done = self.lab.exec("operator", "sh", "-c", together)
        else:
            done = self.lab.ssh(host, "sh", stdin=together)
        if done.returncode:
            return [Output(HostText(b""), HostText(done.stderr.encode()), done.returncode)] * len(scripts)
        rows = [row.split(",") for row in done.stdout.splitlines()]
        return [Output(HostText(b64decode(out)), HostText(b64decode(err)), int(status)) for status, out, err in rows]

    def facts(self, params: Params) -> DeviceFacts:
        probe = TASK.probe(params, self.scene)
        return DeviceFacts.model_validate(dict(zip(probe, self.see(list(probe.values())), strict=True)))

    def see(self, requests: Sequence[Reader[Any] | At]) -> list[Any]:
        """What a run would see: what cannot be read elsewhere is None."""
        wanted = [
            (self.scene.seen_from(request.vantage)[0].name, request.reader)
            if isinstance(request, At)
            else (self.scene.on.name, request)
            for request in requests
        ]
        seen = self.read(wanted)
        for request, fact in zip(requests, seen, strict=True):
            if isinstance(fact, UnreadableError) and not isinstance(request, At):
                raise fact
        return [None if isinstance(fact, UnreadableError) else fact for fact in seen]

    def planned_all(self, **params: object) -> list[Planned]:
        wanted = Params.model_validate(params)
        return list(TASK.plan(wanted, self.facts(wanted), self.scene))

    def planned(self, **params: object) -> tuple[list[Change], list[str]]:
        planned = self.planned_all(**params)
        return [p for p in planned if isinstance(p, Change)], [p.text for p in planned if isinstance(p, Gap)]

    def apply(self, **params: object) -> Change:
        (change,) = self.planned(**params)[0]
        self.run(change.do_script())
        self.run(change.afterwards_script())
        return change

    def run(self, script: str) -> None:
        done = self.lab.ssh(self.scene.on.name, script)
        assert done.returncode == 0, done.stderr

    @contextmanager
    def block(self, **params: object) -> Iterator[Change]:
        change = self.apply(**params)
        try:
            yield change
        finally:
            self.run(change.undo_script())

    def failing_checks(self, **params: object) -> dict[str, str]:
        wanted = Params.model_validate(params)
        looks = [
            (vantage.name, check)
            for check in TASK.checks(wanted, self.facts(wanted), self.scene)
            for vantage in self.scene.seen_from(check.vantage)
        ]
        seen = self.read([(vantage, check.reader()) for vantage, check in looks])
        if error := next((fact for fact in seen if isinstance(fact, UnreadableError)), None):
            raise error
        judged = [check.judge(fact) for (_, check), fact in zip(looks, seen, strict=True)]
        return {
            f"{vantage}: {check.describe()}": judgement.seen
            for (vantage, check), judgement in zip(looks, judged, strict=True)
            if not judgement.holds
        }


def _parsed(reader: Reader[Any], output: Output) -> Any:
    try:
        return reader.parse(output)
    except UnreadableError as error:
        return error


class Observer:
    """A traffic_observer in a namespace."""

    def __init__(self, lab: Lab, namespace: str) -> None:
        self.process = subprocess.Popen(
            ["scripts/lab", "exec", namespace, "python3", "-I", HERE / "traffic_observer.py"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, *words: str) -> Any:
        assert self.process.stdin and self.process.stdout
        print(*words, file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def counts_during(self, seconds: float) -> dict[str, int]:
        self.ask("counts")
        time.sleep(seconds)
        counts: dict[str, int] = self.ask("counts")
        return counts


def pings(lab: Lab, where: str, address: str) -> bool:
    echo = (
        "import socket, struct, sys\n"
        f"six = ':' in {address!r}\n"
        "s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, 58 if six else 1)\n"
        "s.settimeout(1.5)\n"
        "head = struct.pack('!BBHHH', 128 if six else 8, 0, 0 if six else 0xf7ff - 0x5354, 0, 0x5354)\n"
        f"s.sendto(head, ({address!r}, 0))\n"
        "while s.recv(1500)[-2:] != b'ST': pass\n"
    )
    return lab.exec(where, "python3", "-c", echo).returncode == 0


def reaches(lab: Lab, source: str, address: str, port: int) -> bool:
    connect = f"import socket; socket.create_connection(('{address}', {port}), 2)"
    return lab.ssh(source, f'python3 -c "{connect}"').returncode == 0


def succeeding(attempts: Mapping[str, Callable[[], bool]]) -> list[str]:
    with ThreadPoolExecutor(len(attempts)) as pool:
        came_about = list(pool.map(lambda attempt: attempt(), attempts.values()))
    return [name for name, succeeded in zip(attempts, came_about, strict=True) if succeeded]
