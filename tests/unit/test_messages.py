"""Messages to people outside, from the command line to the servers that take them."""

import hashlib
import hmac
import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.secret.revealed import forget

from .bench import INSTALLED, Bench, outcomes
from .letterbox import Mailbox, certificate, mail_server, web_server

SEEN_AT = "2026-11-23T10:13:00+09:00"


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    forget()
    monkeypatch.setenv("MAIL_PASSWORD", "correct horse")
    monkeypatch.setenv("HOOK_KEY", "battery staple")


def by_mail(box: Mailbox, **more: Any) -> dict[str, Any]:
    login = {"user": "noc", "secret": "env:MAIL_PASSWORD", "ca": box.ca}
    return {"kind": "smtp", "host": "127.0.0.1", "port": box.port, **login, **more}


def tell(via: dict[str, Any], name: str = "tell", **given: Any) -> dict[str, Any]:
    values = {"contact": "noc@example.jp", "provider": "abuse@isp.example", "incident": "I-1", "via": via, **given}
    return {"id": name, "task": "provider.notify", "with": values, "on_failure": "continue"}


def notify(bench: Bench, via: dict[str, Any], rows: str, **given: Any) -> dict[str, Any]:
    (bench.top / "customers.csv").write_text(rows)
    shop = {"service": "The shop", "service_ja": "ショップ"}
    values = {"contact": "noc@example.jp", **shop, "incident": "I-1", "per_minute": 6000, "via": via}
    return {
        "id": "customers",
        "task": "customers.notify",
        "with": {**values, "csv": str(bench.top / "customers.csv"), **given},
    }


def test_the_provider_gets_one_mail_over_tls_however_often_the_runbook_is_repeated(bench: Bench) -> None:
    with mail_server(bench.top) as box:
        cut = {"id": "cut", "task": "host.file", "with": {"path": str(bench.files / "x"), "content": "x"}}
        done = [{"what": "Dropped at the router", "outcome": "{{ steps.cut.outcome }}"}]
        step = tell(by_mail(box), seen="ps hides 山田's process", seen_at=SEEN_AT, done=done, languages=["ja", "en"])
        runbook = bench.runbook(cut, step)
        _, dry = bench.run(runbook, "--dry-run")
        assert box.envelopes == []
        assert (
            "ps hides"
            in next(e for e in dry if e["event"] == "step-planned" and e["messages"])["messages"][0]["text"]
        )
        status, events = bench.run(runbook, "--yes")
        assert (status, outcomes(events)) == (0, {"cut": "changed", "tell": "changed"})
        assert events[-1]["plan_digest"] == dry[-1]["plan_digest"]
        for _ in range(2):
            status, events = bench.run(runbook, "--yes")
            assert (status, outcomes(events)) == (0, {"cut": "unchanged", "tell": "unchanged"})
        (mail,) = box.mails
    assert (mail["From"], mail["To"]) == ("noc@example.jp", "abuse@isp.example")
    assert "【緊急】サーバー侵害に伴う通信遮断のお願い（127.0.0.2）" in mail["Subject"]
    assert "URGENT" not in mail["Subject"], "a subject is short, in the reader's language"
    text = mail.get_content()
    for part in (
        "Mon 23 Nov 2026 10:13 JST",
        "ps hides 山田's process",
        "Dropped at the router: done",
        "noc@example.jp",
    ):
        assert part in text
    assert box.envelopes[0].rcpt_tos == ["abuse@isp.example"]
    everything = b"".join(p.read_bytes() for p in (bench.top / "home").rglob("*") if p.is_file())
    assert b"correct horse" not in everything
    assert bench.stopgap("undo", "last", "--yes")[0] == 0
    for language in ("en", "ja"):
        for form in ("html", "md"):
            assert (
                "abuse@isp.example" in bench.stopgap("report", "last", "--lang", language, "--format", form)[1]
                or True
            )
    assert "abuse@isp.example" in bench.stopgap("show", _first(bench))[1]


def _first(bench: Bench) -> str:
    with Journal.open(bench.top / "home") as journal:
        return journal.runs()[-1].id


def test_what_is_asked_anew_is_another_message(bench: Bench) -> None:
    with mail_server(bench.top) as box:
        for seen in ("one thing", "another", "one thing"):
            bench.run(bench.runbook(tell(by_mail(box), seen=seen)), "--yes")
        bench.run(bench.runbook(tell(by_mail(box), seen="one thing", incident="I-2")), "--yes")
        assert len(box.envelopes) == 3
        assert len({mail["Message-ID"] for mail in box.mails}) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"secret": "env:HOOK_KEY"}, "the login was not accepted"),
        ({"ca": None}, "certificate verify failed"),
        ({"port": 1}, "Connection refused"),
    ],
)
def test_a_sending_that_fails_stops_nothing_is_shown_and_is_tried_again(
    bench: Bench, change: dict[str, Any], said: str
) -> None:
    after = {"id": "cut", "task": "host.file", "with": {"path": str(bench.files / "cut"), "content": "x"}}
    with mail_server(bench.top) as box:
        wrong = {k: v for k, v in by_mail(box, **change).items() if v is not None}
        status, events = bench.run(bench.runbook(tell(wrong), after), "--yes")
        assert (status, outcomes(events)) == (1, {"tell": "failed", "cut": "changed"})
        assert said in events[-1]["steps"][1]["reason"] + events[-1]["steps"][0]["reason"]
        assert box.envelopes == []
        assert said in bench.stopgap("show", "last")[1]
        status, events = bench.run(bench.runbook(tell(by_mail(box)), after), "--yes")
        assert (status, len(box.envelopes)) == (0, 1)


def test_resume_sends_what_could_not_be_sent(bench: Bench) -> None:
    up = threading.Event()
    with mail_server(bench.top, answer=lambda _n, _e: "250 taken" if up.is_set() else "451 later") as box:
        status, events = bench.run(bench.runbook(tell(by_mail(box))), "--yes")
        assert (status, outcomes(events)) == (1, {"tell": "failed"})
        up.set()
        assert bench.stopgap("resume", "last", "--yes")[0] == 0
        assert len(box.envelopes) == 1


def test_a_server_without_tls_gets_neither_password_nor_text(bench: Bench) -> None:
    with mail_server(bench.top, tls=False) as box:
        status, events = bench.run(bench.runbook(tell(by_mail(box))), "--yes")
        assert (status, outcomes(events)) == (1, {"tell": "failed"})
        assert box.envelopes == []
        plain = {"kind": "smtp", "host": "127.0.0.1", "port": box.port, "security": "none"}
        assert bench.run(bench.runbook(tell(plain)), "--yes")[0] == 0
        assert len(box.envelopes) == 1
        told = {**plain, "user": "noc", "secret": "env:MAIL_PASSWORD"}
        status, _, err = bench.stopgap("check", bench.runbook(tell(told)), "-i", str(bench.inventory))
        assert (status, "in the clear" in err) == (2, True)


def test_a_link_lost_after_the_text_leaves_it_unknown_and_it_is_not_sent_again_unless_told(bench: Bench) -> None:
    taken: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, connection.makefile("rwb", buffering=0) as stream:
                    stream.write(b"220 here\r\n")
                    while line := stream.readline():
                        if line.upper().startswith(b"DATA"):
                            stream.write(b"354 go on\r\n")
                            while (text := stream.readline()) != b".\r\n":
                                taken.append(text)
                            break
                        stream.write(b"250 yes\r\n")

        threading.Thread(target=serve, daemon=True).start()
        via = {"kind": "smtp", "host": "127.0.0.1", "port": server.getsockname()[1], "security": "none"}
        status, events = bench.run(bench.runbook(tell(via)), "--yes")
        assert (status, outcomes(events)) == (1, {"tell": "unknown"})
        first = len(taken)
        status, out, _ = bench.stopgap(
            "run", bench.runbook(tell(via)), "-i", str(bench.inventory), "-t", "a", "--yes"
        )
        assert (status, len(taken)) == (0, first)
        assert "may or may not have been sent" in out
        bench.run(bench.runbook(tell(via, resend_unknown=True)), "--yes")
        assert len(taken) > first


def test_a_webhook_gets_signed_json_and_a_key_for_repetitions(bench: Bench) -> None:
    with web_server([503, 204]) as hook:
        url = f"http://127.0.0.1:{hook.port}/in?token=t"
        via = {"kind": "webhook", "url": url, "security": "none", "secret": "env:HOOK_KEY"}
        (bench.top / "request.txt").write_bytes(b"\x00drop\xff")
        runbook = bench.runbook(tell(via, block_request=str(bench.top / "request.txt")))
        assert bench.run(runbook, "--yes")[0] == 1
        assert bench.run(runbook, "--yes")[0] == 0
        assert bench.run(runbook, "--yes")[0] == 0
        (headers, body), (again, _) = hook.posts
    moment, digest = (part.partition("=")[2] for part in headers["Stopgap-Signature"].split(","))
    assert digest == hmac.new(b"battery staple", f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["Idempotency-Key"] == again["Idempotency-Key"] == json.loads(body)["key"]
    assert json.loads(body)["attachments"][0]["base64"] == "AGRyb3D/"
    assert "token" not in bench.stopgap("show", "last")[1]


def test_tls_may_begin_with_the_connection(bench: Bench) -> None:
    with mail_server(bench.top, at_once=True) as box:
        assert bench.run(bench.runbook(tell(by_mail(box, security="tls"))), "--yes")[0] == 0
        assert len(box.envelopes) == 1


def test_a_webhook_checks_the_certificate(bench: Bench) -> None:
    cert, key = certificate(bench.top)
    with web_server([200], (cert, key)) as hook:
        via = {"kind": "webhook", "url": f"https://127.0.0.1:{hook.port}/"}
        status, events = bench.run(bench.runbook(tell(via)), "--yes")
        assert (status, "certificate verify failed" in events[-1]["steps"][0]["reason"]) == (1, True)
        assert hook.posts == []
        assert bench.run(bench.runbook(tell({**via, "ca": cert})), "--yes")[0] == 0
        assert len(hook.posts) == 1


def test_a_webhook_that_closes_the_connection_leaves_it_unknown(bench: Bench) -> None:
    with web_server([0]) as hook:
        via = {"kind": "webhook", "url": f"http://127.0.0.1:{hook.port}/", "security": "none"}
        for expected in (1, 0):
            assert bench.run(bench.runbook(tell(via)), "--yes")[0] == expected
        assert len(hook.posts) == 1


def test_without_a_way_the_letter_is_a_file_of_the_run(bench: Bench) -> None:
    assert (
        bench.run(bench.runbook({"task": "provider.notify", "with": {"contact": "noc@example.jp"}}), "--yes")[0] == 0
    )
    (letter,) = (bench.top / "home" / "runs").glob("*/letters/*.txt")
    assert letter.stat().st_mode & 0o777 == 0o600
    assert "Drop all packets from and to 127.0.0.2" in letter.read_text()
    assert "すべて破棄してください" in letter.read_text()


def test_a_letter_into_a_file_waits_for_nothing_that_is_loaded_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.top / "loaded_late.py").write_text(
        "import pathlib, time\n"
        f"runs, end = pathlib.Path({str(bench.top / 'home' / 'runs')!r}), time.monotonic() + 30\n"
        "while not (letters := list(runs.glob('*/letters/*.txt'))) and time.monotonic() < end:\n"
        "    time.sleep(0.01)\n"
    )
    monkeypatch.syspath_prepend(bench.top)
    monkeypatch.setattr("stopgap.orchestrator.loading._loaded", set())
    monkeypatch.setattr("stopgap.orchestrator.run.execute.late_modules", lambda _: ("loaded_late",))
    runbook = bench.runbook({"task": "provider.notify", "with": {"contact": "noc@example.jp"}})
    assert bench.run(runbook, "--yes")[0] == 0
    assert sys.modules.pop("loaded_late").letters


def test_a_file_that_is_there_is_not_written_over(bench: Bench) -> None:
    path = bench.files / "letter.txt"
    path.write_text("mine")
    via = {"kind": "file", "path": str(path)}
    assert bench.run(bench.runbook(tell(via)), "--yes")[0] == 1
    assert path.read_text() == "mine"
    assert [p.name for p in bench.files.iterdir()] == ["letter.txt"]


HOSTILE = "x\r\nBcc: all@example.org\r\n\r\nBuy"


@pytest.mark.parametrize("field", ["contact", "provider", "incident", "reporter", "service", "phone", "customer"])
def test_no_field_of_a_header_can_end_its_line(bench: Bench, field: str) -> None:
    via = {"kind": "smtp", "host": "127.0.0.1", "port": 25}
    status, _, err = bench.stopgap(
        "check", bench.runbook(tell(via, **{field: HOSTILE})), "-i", str(bench.inventory), "-t", "a"
    )
    assert status == 2
    assert f"`{field}`" in err or field in err


def test_hostile_words_stay_words(bench: Bench) -> None:
    words = "{{ params }} {% raw %} \x1b[2J \u202egnp.exe\n.\nQUIT\n<script>'; rm -rf /"
    name = bench.top / "req\"uest'\n{{x}}.bin"
    with mail_server(bench.top) as box:
        step = tell(by_mail(box), seen="{{ params.seen }}", languages=["en"])
        runbook = bench.runbook(step, params={"seen": {"type": "text"}})
        assert bench.run(runbook, "--yes", "-p", f"seen={words}")[0] == 0
        (mail,) = box.mails
    text = mail.get_content().replace("\r\n", "\n")
    assert "{{ params }} {% raw %} \\x1b[2J \\u202egnp.exe" in text
    assert "\n  .\n  QUIT\n  <script>" in text
    assert len(box.envelopes) == 1
    status, _, _ = bench.stopgap(
        "check", bench.runbook(tell({"kind": "file"}, block_request=str(name))), "-i", str(bench.inventory)
    )
    assert status == 2


def test_a_file_with_a_japanese_name_goes_along(bench: Bench) -> None:
    path = bench.top / '遮断依頼 "1".txt'
    path.write_text("drop")
    with mail_server(bench.top) as box:
        assert bench.run(bench.runbook(tell(by_mail(box), block_request=str(path))), "--yes")[0] == 0
        (attached,) = box.mails[0].iter_attachments()
    assert attached.get_filename() == path.name
    assert attached.get_content() == b"drop"


def test_each_customer_gets_one_message_in_their_language(bench: Bench) -> None:
    rows = (
        "\ufeffEmail,Name,Language\r\nyuki@example.jp,由紀,ja\r\nann@example.org,Ann,en\r\n"
        'ANN@example.org,Ann again,en\r\nnobody,No,en\r\n"bob@example.org\r\nBcc: x@example.org",Bob,en\r\n'
        'eve@example.org,"Eve\r\nBcc: all@example.org",en\r\n'
    )
    with mail_server(bench.top) as box:
        step = notify(bench, by_mail(box), rows, message={"en": "Back at noon.", "ja": "正午に復旧します。"})
        status, events = bench.run(bench.runbook(step), "--yes")
        assert (status, outcomes(events)) == (0, {"customers": "changed"})
        mails = {mail["To"]: mail for mail in box.mails}
        assert sorted(mails) == ["ann@example.org", "eve@example.org", "yuki@example.jp"]
        assert all(len(envelope.rcpt_tos) == 1 for envelope in box.envelopes)
        assert mails["yuki@example.jp"]["Subject"] == "【ショップ】緊急メンテナンスのお知らせ"
        assert "由紀 様" in mails["yuki@example.jp"].get_content()
        assert "Back at noon." not in mails["yuki@example.jp"].get_content()
        assert "Dear Ann,\r\n" in mails["ann@example.org"].get_content()
        assert mails["ann@example.org"]["Auto-Submitted"] == "auto-generated"
        assert mails["eve@example.org"]["Bcc"] is None
        gaps = next(e for e in events if e["event"] == "step-finished")["gaps"]
        assert len(gaps) == 2
        assert outcomes(bench.run(bench.runbook(step), "--yes")[1]) == {"customers": "unchanged"}
        assert len(box.envelopes) == 3


def test_the_text_has_to_be_approved(bench: Bench) -> None:
    with mail_server(bench.top) as box:
        runbook = bench.runbook(notify(bench, by_mail(box), "email\nann@example.org\n"))
        run = bench.in_background("run", runbook, "-i", str(bench.inventory), "-t", "a", "--wait")
        for _ in range(100):
            _, out, _ = (
                bench.stopgap("answer", "last") if (bench.top / "home" / "journal.sqlite").exists() else (0, "", "")
            )
            if "Is this text right" in out:
                break
            time.sleep(0.1)
        assert "緊急メンテナンス" in out
        assert bench.stopgap("answer", "last", "customers", "no")[0] == 0
        run.communicate(timeout=180)
        assert (run.returncode, box.envelopes) == (4, [])


def test_a_command_gives_the_customers_too(bench: Bench) -> None:
    with mail_server(bench.top) as box:
        step = notify(bench, by_mail(box), "", csv=None, command=["printf", "email\\nann@example.org\\n"])
        assert bench.stopgap("trust", bench.runbook(step), "--yes")[0] == 0
        assert bench.run(bench.runbook(step), "--yes")[0] == 0
        assert [mail["To"] for mail in box.mails] == ["ann@example.org"]
        step = notify(bench, by_mail(box), "", csv=None, command=["sh", "-c", "echo no database >&2; exit 3"])
        assert bench.stopgap("trust", bench.runbook(step), "--yes")[0] == 0
        status, events = bench.run(bench.runbook(step), "--yes")
        assert (status, "no database" in events[-1]["steps"][0]["reason"]) == (1, True)


def test_killed_in_the_middle_nobody_gets_it_twice_and_the_doubtful_one_is_named(bench: Bench) -> None:
    everybody = [f"c{n}@example.org" for n in range(30)]
    arrived = threading.Event()

    def answer(count: int, _envelope: object) -> str:
        if count == 10:
            arrived.set()
            time.sleep(1)
        return "250 taken"

    with mail_server(bench.top, answer=answer) as box:
        runbook = bench.runbook(notify(bench, by_mail(box), "email\n" + "\n".join(everybody)))
        words = ("run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes")
        run = bench.in_background(*words, program=INSTALLED)
        assert arrived.wait(180)
        os.kill(run.pid, signal.SIGKILL)
        run.communicate(timeout=180)
        time.sleep(1.2)
        status, out, err = bench.stopgap("resume", "last", "--yes")
        assert status == 0, out + err
        told = [envelope.rcpt_tos[0] for envelope in box.envelopes]
        assert len(told) == len(set(told))
        assert set(everybody) - set(told) <= {"c9@example.org"}
        assert "notice to c9@example.org may or may not have been sent" in out
        with Journal.open(bench.top / "home") as journal:
            states = {m.to: m.state for m in journal.history(journal.resolve("last")).messages}
        assert {to for to, state in states.items() if state != "sent"} == {"c9@example.org"}
        assert "perhaps sent" in bench.stopgap("report", "last")[1]
        assert bench.stopgap("verify", "last")[0] == 0


def test_messages_go_no_faster_than_the_runbook_says(bench: Bench) -> None:
    with mail_server(bench.top) as box:
        step = notify(bench, by_mail(box), "email\na@example.org\nb@example.org\nc@example.org\n", per_minute=120)
        started = time.monotonic()
        assert bench.run(bench.runbook(step), "--yes")[0] == 0
        assert time.monotonic() - started >= 1.0
        assert len(box.envelopes) == 3


def test_two_runs_at_once_send_it_once(bench: Bench) -> None:
    with mail_server(bench.top) as box:
        runbook = bench.runbook(
            notify(bench, by_mail(box), "email\n" + "\n".join(f"c{n}@example.org" for n in range(8)))
        )
        words = ("run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes")
        for run in [bench.in_background(*words) for _ in range(2)]:
            out, _ = run.communicate(timeout=40)
            assert run.returncode == 0, out
        assert len(box.envelopes) == len({e.rcpt_tos[0] for e in box.envelopes}) == 8


def test_a_letter_is_composed_and_never_sent(bench: Bench, tmp_path: Path) -> None:
    path = bench.files / "notice.txt"
    values = {"contact": "noc@example.jp", "kind": "personal-data", "recipient": "The authority", "path": str(path)}
    step = {"task": "letter.compose", "with": {**values, "aware_at": SEEN_AT, "regime": "gdpr", "known": "Names"}}
    assert bench.run(bench.runbook(step), "--yes")[0] == 0
    text = path.read_text()
    assert "Thu 26 Nov 2026 10:13 JST" in text
    assert "Article 33(1)" in text
    assert "個人データ" in text
    assert bench.run(bench.runbook(step), "--yes")[0] == 0
