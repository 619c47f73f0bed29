"""Plants traces on one host of the lab and habits on another, collects, and counts what findings name and raise."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from lab_hosts import image, machine

from recall_rig import busy, peers, trees
from recall_rig.blind import BLIND
from recall_rig.catalogued import CATALOGUED
from recall_rig.fresh import FRESH
from recall_rig.further import FURTHER
from recall_rig.guessed import GUESSED
from recall_rig.listed import LISTED
from recall_rig.other_states import OTHER_STATES
from recall_rig.own import OWN
from recall_rig.reported import REPORTED
from recall_rig.second import SECOND
from recall_rig.siblings import SIBLINGS
from recall_rig.states import STATES
from recall_rig.third import THIRD
from recall_rig.trace import GUARD, WORDS, Trace
from recall_rig.unheard import UNHEARD
from recall_rig.unlisted import UNLISTED
from recall_rig.unseen import UNSEEN
from recall_rig.untried import UNTRIED

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "scripts/lab"
SEVERITIES = ("critical", "high", "medium", "low", "info")
SETS = {
    "listed": LISTED,
    "own": OWN,
    "further": FURTHER,
    "fresh": FRESH,
    "unseen": UNSEEN,
    "blind": BLIND,
    "second": SECOND,
    "third": THIRD,
    "catalogued": CATALOGUED,
    "siblings": SIBLINGS,
    "guessed": GUESSED,
    "reported": REPORTED,
    "untried": UNTRIED,
    "states": STATES,
    "other-states": OTHER_STATES,
    "unlisted": UNLISTED,
    "unheard": UNHEARD,
}
APART = ("siblings", "guessed", "reported", "untried", "states", "other-states", "unlisted", "unheard")
"""Sets that take away what others plant; each is planted where it is asked for by name."""
TOGETHER = tuple(name for name in SETS if name not in APART)
EVERY = tuple(trace for traces in SETS.values() for trace in traces)
PLANTED, CLEAN = "spare", "neighbour"
CLEAN_HOSTS = {
    "clean": (busy.PACKAGES, "habits.sh"),
    "office": (busy.OFFICE, "week.sh"),
    "hosting": (busy.HOSTING, "hosting.sh"),
}
"""By the name that `--only` takes: the packages of a host, and the script of what people did on it."""
PEOPLE = "id anna >/dev/null 2>&1 || useradd -m -s /bin/bash anna\n"


def plant(traces: Iterable[Trace]) -> str:
    """Give the shell script that leaves the traces, each in a shell of its own so that one cannot break others."""
    each = "".join(f"( {t.how}\n) || echo {shlex.quote(t.id)} >&2\n" for t in traces)
    return f"{GUARD}{WORDS}{PEOPLE}{each}/usr/sbin/sshd -t\n"


def say(text: str) -> None:
    """Tell how far the work is."""
    print(text, file=sys.stderr, flush=True)


def collect(
    home: Path, runbook: str, beside: bool, release: str, hosts: Sequence[str], traces: Sequence[Trace], clean: str
) -> None:
    """Boot the lab, plant `traces`, collect `hosts` into `home`, and take the lab down. Runs in a place of its own.

    They run `release` of Debian. With `beside`, peers are installed before, and look afterwards. `clean` names the clean
    host of CLEAN_HOSTS.
    """
    home.mkdir(parents=True, exist_ok=True)
    ssh = [LAB, "ssh", PLANTED]
    packages, habits = CLEAN_HOSTS[clean]
    environment = os.environ | {
        f"STOPGAP_LAB_IMAGE_{CLEAN.upper()}": str(busy.ensure(say, release, packages)),
        f"STOPGAP_LAB_IMAGE_{PLANTED.upper()}": str(image.ensure(say, release)),
        "STOPGAP_HOME": str(home),
    }
    try:
        subprocess.run([LAB, "up"], check=True, env=environment)
        if beside:
            peers.install(ssh)
        lived = f"{GUARD}{(Path(__file__).parent / habits).read_text()}"
        for host, script in ((PLANTED, plant(traces)), (CLEAN, lived)):
            if host not in hosts:
                continue
            done = subprocess.run([LAB, "ssh", host, "sh", "-s"], input=script, text=True, capture_output=True)
            say(f"{host}: planted ({done.returncode}) {done.stderr.strip()}")
        if CLEAN in hosts and clean == "clean":
            say(f"{CLEAN}: {trees.install([LAB, 'ssh', CLEAN])} files of applications laid into docroots")
        stopgap = ["stopgap", "run", runbook, "-i", "inventories/lab.yaml"]
        stopgap += [word for host in hosts for word in ("-t", host)]
        words = [LAB, "exec", "operator", *stopgap, "--yes"]
        before = {host: spent(host) for host in hosts}
        subprocess.run(words, env=environment, cwd=ROOT, stdout=sys.stderr)
        for host in hosts:
            say(f"{host}: {spent(host) - before[host]:.1f} s of processor time")
        if beside:
            for name, ids in peers.named_by(ssh, traces, home).items():
                say(f"{name}: {len(ids)} of {len(traces)} named: {' '.join(ids)}")
    finally:
        subprocess.run([LAB, "down"], env=environment)


def spent(host: str) -> float:
    """Give the processor time, in seconds, that all processes of a host have used."""
    for group in (machine._groups() / host / "payload", machine._groups() / host):
        if (group / "cpu.stat").exists():
            return int((group / "cpu.stat").read_text().split()[1]) / 1e6
    return 0.0


def findings(home: Path, host: str) -> list[dict[str, Any]]:
    """Give what `stopgap evidence findings` makes of the collections of a host today."""
    (run,) = (home / "runs").iterdir()
    words = [ROOT / ".venv/bin/stopgap", "evidence", "findings", run / "evidence" / host, "--json"]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | {"STOPGAP_HOME": str(home)})
    sys.stderr.write(done.stderr)
    judged = [json.loads(line) for line in done.stdout.splitlines()]
    for unread in (each for one in judged for each in one.get("unread", ())):
        say(f"{host}: not read, so that its figures are too good: {unread}")
    return [finding for one in judged for finding in one["findings"]]


def texts(found: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Give severity, rule, and what each sighting shows."""
    for finding in found:
        for seen in finding["seen"]:
            yield finding["severity"], finding["id"], f"{seen['what']}\n{seen['member']}"


def named(trace: Trace, shown: Sequence[tuple[str, str, str]]) -> tuple[str, str]:
    """Give the severity and rule of the worst finding that cites a trace."""
    cited = [(SEVERITIES.index(s), rule) for s, rule, text in shown if trace.cited.search(text)]
    worst = min(cited, default=(len(SEVERITIES), ""))
    return (SEVERITIES[worst[0]] if worst[1] else "raw"), worst[1]


def report(home: Path, every: bool, hosts: Sequence[str], names: Sequence[str]) -> int:
    """Print recall of the sets `names` and false alarms, of `hosts`; return 0 if they are as promised."""
    shown = list(texts(findings(home, PLANTED))) if PLANTED in hosts else []
    result = {}
    for title in names if PLANTED in hosts else ():
        traces = SETS[title]
        marks = {trace.id: named(trace, shown) for trace in traces}
        for trace in traces:
            severity, rule = marks[trace.id]
            if every or severity in {"raw", "info"}:
                print(f"{trace.id:<4} {trace.kind:<18} {severity:<8} {rule}")
        counts = Counter(severity for severity, _ in marks.values())
        some = len(traces) - counts["raw"] - counts["info"]
        result[title] = (some, some - counts["low"])
        print(f"{title}: {some} of {len(traces)} named, {some - counts['low']} at medium or higher  ({date.today()})")
    loud = findings(home, CLEAN) if CLEAN in hosts else []
    rules = Counter(finding["severity"] for finding in loud)
    print(f"clean host: {', '.join(f'{rules[s]} {s}' for s in SEVERITIES)} rules")
    for finding in loud:
        if finding["severity"] != "info" or finding["count"] > 30 or every:
            print(f"  {finding['severity']:<8} {finding['id']} ({finding['count']})")
            for seen in finding["seen"][: 40 if every else 4]:
                print(f"      {seen['what'][:150]}  {seen['member'][:80]}")
    complaints = list(too_loud(loud))
    for complaint in complaints:
        print(f"too loud: {complaint}")
    enough = all(
        named >= 0.9 * count and medium >= 0.75 * count
        for title, (named, medium) in result.items()
        if (count := len(SETS[title])) and title != "unseen"
    )
    return 0 if enough and not complaints else 1


def too_loud(loud: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield what a busy clean host must not raise: criticals, highs but set-user-ID files of no package, five mediums,
    more than thirty rows of a rule.
    """
    for finding in loud:
        if finding["severity"] in {"critical", "high"} and finding["id"] != "privileged-unpackaged":
            yield f"{finding['severity']} {finding['id']}"
        if finding["count"] > 30:
            yield f"{finding['id']} has {finding['count']} rows"
    mediums = [finding["id"] for finding in loud if finding["severity"] == "medium"]
    if len(mediums) > 4:
        yield f"{len(mediums)} medium rules: {', '.join(mediums)}"


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the folder that collections are kept in")
    parser.add_argument("--again", action="store_true", help="judge what was collected before")
    parser.add_argument("--all", action="store_true", help="list every trace, and every rule on the clean host")
    parser.add_argument("--runbook", default=str(Path(__file__).parent / "collect.yaml"))
    parser.add_argument("--release", default=image.own_release(), help="of Debian, for both hosts: bookworm, trixie")
    parser.add_argument("--peers", action="store_true", help="chkrootkit, rkhunter and unhide look at the same host")
    parser.add_argument(
        "--set", action="append", choices=SETS, help="a set of traces; by default those planted together"
    )
    parser.add_argument(
        "--only",
        choices=("planted", *CLEAN_HOSTS),
        help="one host: with traces, or a clean one: a busy web server, an office's, a small provider's",
    )
    asked = parser.parse_args()
    clean = asked.only if asked.only in CLEAN_HOSTS else "clean"
    hosts = {"planted": (PLANTED,), None: (PLANTED, CLEAN)}.get(asked.only, (CLEAN,))
    names = asked.set or TOGETHER
    if not asked.again:
        traces = [trace for name in names for trace in SETS[name]]
        collect(asked.home, asked.runbook, asked.peers, asked.release, hosts, traces, clean)
    return report(asked.home, asked.all, hosts, names)


if __name__ == "__main__":
    sys.exit(main())
