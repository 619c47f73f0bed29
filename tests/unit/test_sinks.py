"""Sinks: real receivers get every event once, in order; one that hangs, fails or refuses holds nothing up."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import os
import re
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.documents.event_schema import schema_events
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.records import RunFinished
from stopgap.orchestrator.run.stream import Stream
from stopgap.orchestrator.secret.revealed import forget
from stopgap.orchestrator.sinks import backlog
from stopgap.orchestrator.sinks.backlog import undelivered
from stopgap.orchestrator.sinks.config import PrometheusSink, SinkFile
from stopgap.orchestrator.sinks.delivery import Deliveries
from stopgap.orchestrator.sinks.loading import Configured, configured
from stopgap.orchestrator.sinks.metrics import metrics_text
from stopgap.orchestrator.sinks.receiver import RefusedError
from stopgap.orchestrator.sinks.textfile import Textfile
from stopgap.orchestrator.source import InvalidInput, parse, validate
from tests.unit.bench import Bench
from tests.unit.journals import Journals
from tests.unit.story import BACK, CONTAINED, CUT, FAILED, FOUND, answered, hostile_records, started
from tests.unit.test_runbook_schema import faults

from .sink_stories import PATIENCE, deliver, left, stream, told


@pytest.fixture(autouse=True)
def no_secret_of_another_test() -> Iterator[None]:
    yield
    forget()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir(mode=0o700)
    return tmp_path / "home"


class Receiving:
    """A receiver of a test; `act` is called with each event before it counts as taken."""

    def __init__(self, act: Callable[[Mapping[str, Any]], None] = lambda _: None) -> None:
        self.taken: list[Mapping[str, Any]] = []
        self.act = act

    def send(self, event: Mapping[str, Any]) -> None:
        self.act(event)
        self.taken.append(event)

    def close(self) -> None:
        pass

    @property
    def sink(self) -> tuple[Configured, ...]:
        return (Configured("test", lambda _: True, lambda: self),)


class Answering(http.server.ThreadingHTTPServer):
    """A web server that keeps what is posted, and answers with `status`."""

    def __init__(self) -> None:
        self.got: list[tuple[Mapping[str, str], bytes]] = []
        self.status: Callable[[bytes], int] = lambda _: 200
        kept = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kept.got.append((self.headers, body))
                self.send_response(kept.status(body))
                self.end_headers()

            def log_message(self, *_words: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/hook"


@pytest.fixture
def web() -> Iterator[Answering]:
    server = Answering()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_gets_the_stream_as_json_lines_that_only_the_owner_reads(home: Path) -> None:
    run = told(home, *CONTAINED, FOUND)
    path = home / "events.jsonl"
    assert deliver(home, run, f"{{lines: {{kind: file, path: {path}}}}}") == []
    assert [json.loads(line) for line in path.read_text().splitlines()] == stream(home)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert left(home) == []
    assert list((home / "sinks" / "lines").iterdir()) == []


def test_a_file_that_was_rotated_is_begun_anew(home: Path) -> None:
    path = home / "events.jsonl"
    for name in ("one", "two"):
        deliver(home, told(home), f"{{lines: {{kind: file, path: {path}}}}}")
        path.rename(home / name)
    assert [len((home / name).read_text().splitlines()) for name in ("one", "two")] == [1, 1]


def test_a_sink_takes_only_what_its_filters_let_through(home: Path) -> None:
    path = home / "events.jsonl"
    sink = f"{{kind: file, path: {path}, severity: high, events: [finding, step-failed]}}"
    deliver(home, told(home, *FAILED, FOUND), f"{{lines: {sink}}}")
    taken = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(each["event"], each["severity"]) for each in taken] == [
        ("step-failed", "high"),
        ("step-failed", "high"),
        ("finding", "critical"),
    ]


def test_every_event_of_every_story_fits_the_schema(home: Path) -> None:
    schema = schema_events()
    for records in (CONTAINED, FAILED, [*CUT, FOUND]):
        told(home, *records)
    first, hostile = hostile_records('\x1b[31m"]\\ \u202e<b>')
    told(home, *hostile, first=first)
    events = stream(home)
    assert {fault for event in events for fault in faults(event, schema, schema)} == set()
    assert faults({**events[0], "severity": "bad"}, schema, schema) == ["/severity"]
    lacking = {key: value for key, value in events[0].items() if key != "operator"}
    assert faults(lacking, schema, schema) == ["/operator"]


def test_a_webhook_is_signed_over_time_and_body(home: Path, web: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_KEY", "a-key-of-the-hook")
    run = told(home, *CONTAINED)
    deliver(home, run, f"{{desk: {{kind: webhook, url: '{web.url}', security: none, secret: env:HOOK_KEY}}}}")
    assert [json.loads(body) for _, body in web.got] == stream(home)
    for headers, body in web.got:
        moment, signed = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["Stopgap-Signature"]).groups()  # type: ignore[union-attr]
        made = hmac.new(b"a-key-of-the-hook", f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(signed, made)
        assert headers["Idempotency-Key"] == json.loads(body)["id"]


def test_a_webhook_can_take_cloudevents_or_a_template_of_ones_own(home: Path, web: Answering) -> None:
    run = told(home)
    common = f"kind: webhook, url: '{web.url}', security: none"
    deliver(home, run, f"{{desk: {{{common}, format: cloudevents}}}}")
    template = "{{ {'text': event.summary, 'level': event.severity} | tojson }}"
    deliver(home, run, f'{{own: {{{common}, template: "{template}"}}}}')
    (headers, cloud), (_, own) = web.got
    event = json.loads(cloud)
    assert headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert (event["specversion"], event["id"], event["type"]) == ("1.0", f"{run}/0", "stopgap.run-started")
    assert event["data"] == stream(home)[0]
    assert json.loads(own) == {"text": event["data"]["summary"], "level": "info"}


def test_what_a_webhook_could_not_take_comes_next_time_and_nothing_twice(home: Path, web: Answering) -> None:
    run = told(home, *CONTAINED, ago=timedelta(hours=1))
    sink = f"{{desk: {{kind: webhook, url: '{web.url}', security: none}}}}"
    web.status = lambda body: 503 if len(web.got) > 4 else 200
    [said] = deliver(home, run, sink)
    assert "sink desk: not every event was delivered: 127.0.0.1: 503" in said
    [(name, waits, refused, reason)] = left(home)
    assert (name, waits, refused) == ("desk", True, 0)
    assert "503" in reason
    taken = web.got[:4]
    web.status = lambda _: 200
    web.got.clear()
    assert deliver(home, told(home), sink) == []
    assert [json.loads(body)["id"] for _, body in (*taken, *web.got)] == [event["id"] for event in stream(home)]
    assert left(home) == []


def test_what_a_webhook_refuses_is_not_tried_again_and_is_told(home: Path, web: Answering) -> None:
    run = told(home, *CONTAINED)
    web.status = lambda body: 400 if b'"event": "contained"' in body else 200
    sink = f"{{desk: {{kind: webhook, url: '{web.url}', security: none}}}}"
    assert len(deliver(home, run, sink)) == 1
    assert len(web.got) == len(stream(home))
    assert left(home) == [("desk", False, 1, "127.0.0.1: 400 Bad Request")]


def test_a_sink_that_hangs_holds_nothing_up_and_gets_everything_later(home: Path) -> None:
    run = told(home, *CONTAINED)
    never = threading.Event()
    stuck = Receiving(lambda _: bool(never.wait()) and None)
    [said] = deliver(home, run, stuck.sink, last=0.05)
    assert "it did not take them in time" in said
    assert left(home) == [("test", True, 0, "")]
    assert stuck.taken == []
    never.set()


def test_a_killed_process_leaves_what_was_not_delivered_to_the_next(home: Path) -> None:
    run = told(home, *CONTAINED)
    ids = [event["id"] for event in stream(home)]

    def cut_off(event: Mapping[str, Any]) -> None:
        if event["id"] == ids[7]:
            raise ConnectionResetError("cut")

    first, second = Receiving(cut_off), Receiving()
    deliver(home, run, first.sink)
    with Deliveries(home, second.sink, print):  # of a later command, which knows nothing of the run
        pass
    assert [event["id"] for event in (*first.taken, *second.taken)] == ids


def test_an_error_of_a_plug_ins_own_costs_the_one_event(home: Path) -> None:
    def sour(event: Mapping[str, Any]) -> None:
        if event["event"] == "plan-made":
            raise KeyError("colour")

    receiving = Receiving(sour)
    run = told(home, *CONTAINED)
    deliver(home, run, receiving.sink)
    assert len(receiving.taken) == len(stream(home)) - 1
    assert left(home) == [("test", False, 1, "KeyError: 'colour'")]


def test_a_place_is_there_whole_or_not_at_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, seen = os.write, []

    def watched(descriptor: int, content: bytes) -> int:
        seen.append(backlog.places(home, "desk"))
        return write(descriptor, content)

    monkeypatch.setattr(os, "write", watched)
    backlog.begin(home, "desk", "a-run", 5)
    assert seen == [[]]
    [path] = backlog.places(home, "desk")
    place = backlog.Place.take(path)
    assert place
    assert place.next == 5
    place.close(complete=False)


def test_records_of_another_process_reach_the_sinks_of_the_run(home: Path) -> None:
    run = told(home, *CONTAINED)
    receiving = Receiving()
    with Deliveries(home, receiving.sink, print, last=PATIENCE) as deliveries:
        deliveries.recorded(run, 5)
        with Journal.open(home) as journal:
            journal.append(run, FOUND)
    assert [event["id"] for event in receiving.taken][-1] == stream(home)[-1]["id"]
    assert min(int(event["id"].split("/")[1]) for event in receiving.taken) == 5


def test_two_machines_with_one_database_tell_each_event_once(team: Journals, tmp_path: Path) -> None:
    """Each machine's sinks tell what was written there, and what others wrote to its runs meanwhile."""
    told: dict[str, Path] = {}
    for place in ("a", "b"):
        told[place] = tmp_path / f"{place}.jsonl"
        (tmp_path / place).mkdir(mode=0o700)
        (tmp_path / place / "sinks.yaml").write_text(f"sinks: {{log: {{kind: file, path: {told[place]}}}}}")
    a, b = tmp_path / "a", tmp_path / "b"
    asked = answered("Is the provider told?", "yes", by="mio@noc-b")
    with team.open(a) as one, team.open(b) as other, Deliveries(a, configured(a), print) as deliveries:
        run = one.begin(started())
        one.append(run, *CONTAINED[:-1], asked[0])
        deliveries.recorded(run, 0)
        other.append(run, asked[1])
        one.append(run, RunFinished(outcome="ok", exit_code=0))
        deliveries.recorded(run, 0)
    with team.open(b) as other, other.hold(run), Deliveries(b, configured(b), print) as deliveries:
        first = other.append(run, *BACK)[0].seq
        deliveries.recorded(run, first)
    with Deliveries(a, configured(a), print), team.open(a) as one:
        everything = [event["id"] for event in Stream(one).new()]
        assert undelivered(a, one.heads_here()) == []
    ids = {place: [json.loads(line)["id"] for line in path.open()] for place, path in told.items()}
    assert ids["a"] + ids["b"] == everything
    assert {int(each.split("/")[1]) for each in ids["b"]} == {first, first + 1}


def test_metrics_of_a_team_know_what_another_machine_has_undone(
    team: Journals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    for name, value in team.environ(a).items():
        monkeypatch.setenv(name, value)
    with team.open(a) as one:
        run = one.begin(started())
        one.append(run, *CUT, RunFinished(outcome="ok", exit_code=0))
    with team.open(b) as other:
        other.append(run, *BACK)
    sink = Textfile(PrometheusSink(kind="prometheus", path=str(tmp_path / "stopgap.prom")), a)
    sink.send({"event": "run-finished"})
    assert "stopgap_in_force" not in (tmp_path / "stopgap.prom").read_text()


def test_people_are_told_by_apprise_in_their_language(
    home: Path, web: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGER", web.url.replace("http://", "json://"))
    run = told(home, *FAILED)
    assert deliver(home, run, "{pager: {kind: apprise, urls: [env:PAGER], lang: ja, events: [partly]}}") == []
    [(_, body)] = web.got
    assert json.loads(body)["title"] == "重大：web は一部しか遮断されていません"
    assert json.loads(body)["type"] == "failure"


def test_metrics_tell_what_is_in_force_until_when(home: Path) -> None:
    run = told(home, *CONTAINED, FOUND)
    path = home / "stopgap.prom"
    deliver(home, run, f"{{prom: {{kind: prometheus, path: {path}}}}}")
    lines = path.read_text().splitlines()
    assert f'stopgap_contained{{run="{run}",target="web",verdict="contained"}} 1' in lines
    assert f'stopgap_in_force{{run="{run}",host="edge"}} 1' in lines
    assert 'stopgap_findings{severity="critical"} 1' in lines
    assert any(
        line.startswith(f'stopgap_block_ends_timestamp_seconds{{run="{run}",target="web"}} ') for line in lines
    )
    assert [each.name for each in home.iterdir() if each.name.startswith(".stopgap")] == []
    with Journal.open_to_read(home) as journal:
        text = metrics_text(journal)
    assert all(re.fullmatch(r"# (HELP|TYPE) .+|[a-z_]+(\{.*\})? [0-9.]+", line) for line in text.splitlines())


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("{a: {kind: syslogg}}", "1:19: `kind` cannot be 'syslogg'"),
        ("{a: {kind: file, path: events}}", "1:31: `path` cannot be 'events'"),
        ("{a: {kind: file, path: /x, events: [contaned]}}", "1:44: no event is called 'contaned'"),
        ("{a: {kind: webhook, url: 'http://x/'}}", "http:// sends in the clear"),
        ("{a: {kind: webhook, url: 'https://x/', template: '{{ event.'}}", "1:"),
        ("{a: {kind: webhook, url: 'https://x/', secret: 'command:cat /x'}}", "is had without a person"),
        ("{a: {kind: apprise, urls: ['slack://token']}}", "a secret is given by a reference"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place(home: Path, written: str, problem: str) -> None:
    (home / "sinks.yaml").write_text(f"sinks: {written}")
    with pytest.raises(InvalidInput) as caught:
        configured(home)
    assert problem in str(caught.value.problems[0])


def test_a_run_goes_on_beside_a_file_of_sinks_with_a_mistake_and_says_so(bench: Bench) -> None:
    (bench.top / "home").mkdir(mode=0o700)
    (bench.top / "home" / "sinks.yaml").write_text("sinks: {a: {kind: fax}}")
    runbook = bench.runbook({"id": "t", "task": "host.command", "with": {"argv": ["true"], "undo": ["true"]}})
    status, _, said = bench.stopgap("run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes")
    assert (status, "sinks.yaml:1:" in said) == (0, True)
    assert bench.stopgap("events")[0] == 2


def test_the_examples_of_the_page_are_valid() -> None:
    page = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
    examples = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if block.startswith("sinks:")]
    problems: list[Any] = []
    for example in examples:
        validate(SinkFile, parse(example, "events.md"), (), problems)
    assert (len(examples) >= 1, problems) == (True, [])


def test_the_page_lists_every_event() -> None:
    page = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
    names = schema_events()["properties"]["event"]["enum"]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_a_block_that_ends_soon_is_a_line_an_exit_status_and_one_event(bench: Bench) -> None:
    home = bench.top / "home"
    home.mkdir(mode=0o700)
    run = told(home, *CUT, ago=timedelta(hours=70))
    path = home / "events.jsonl"
    (home / "sinks.yaml").write_text(f"sinks: {{lines: {{kind: file, path: {path}}}}}")
    for _ in range(2):
        status, said, _ = bench.stopgap("status", "--offline")
        assert (status, "Ends soon: web on edge, " in said) == (1, True)
    [event] = [json.loads(line) for line in path.read_text().splitlines()]
    assert (event["event"], event["run"], event["host"], event["severity"]) == (
        "block-ends-soon",
        run,
        "edge",
        "high",
    )
    assert event in stream(home)
    status, said, _ = bench.stopgap("status", "--offline", "--json")
    assert [each["target"] for each in json.loads(said)["ends_soon"]] == ["web"]


def test_a_block_that_a_later_run_has_prolonged_does_not_end_soon(bench: Bench) -> None:
    home = bench.top / "home"
    home.mkdir(mode=0o700)
    told(home, *CUT, ago=timedelta(hours=70))
    told(home, *CUT)
    status, said, _ = bench.stopgap("status", "--offline")
    assert (status, "Ends soon" in said) == (0, False)


def test_a_refusal_and_a_wait_are_shown_with_the_run(bench: Bench) -> None:
    home = bench.top / "home"
    home.mkdir(mode=0o700)
    run = told(home, *CUT)

    def no(_: object) -> None:
        raise RefusedError("too long")

    deliver(home, run, Receiving(no).sink)
    words = f"sink test: {len(stream(home))} events were refused: too long"
    assert words in bench.stopgap("show", run)[1]
    assert words in bench.stopgap("status", "--offline")[1]
    assert os.listdir(home / "sinks" / "test") == [run]  # noqa: PTH208
