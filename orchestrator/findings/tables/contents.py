"""Texts that were changed of late or lie where everyone may write, by what their lines do."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.evidence.reader import CollectionReader, lines_of
from stopgap.orchestrator.findings.pattern import automaton
from stopgap.orchestrator.findings.provenance.acts import acts_of
from stopgap.orchestrator.findings.provenance.mechanisms import mechanisms_of
from stopgap.orchestrator.findings.provenance.places import is_hidden, place_of
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.packages import Digests, digests_of

LARGEST = 256 << 10
"""Bytes of a text that is looked at."""
_WEIGHTS = {
    "shell to elsewhere": 3,
    "miner": 3,
    "fetch and run": 2,
    "decode": 2,
    "traces": 2,
    "library before others": 2,
}
_KILLS = automaton(r"\b(?:pkill|killall)\b|\bxargs\b.*\bkill\b|\bkill\b[^|;]*(?:\$\(|`)", captures=False)
_UNDOES = (
    r"\bchattr\s+-\w*[ia]",
    r"\bcrontab\s+-(?:r\b|l\b.*\|)",
    r"\b(?:rm|truncate|echo)\b.*(?:/etc/ld\.so\.preload|/etc/cron|/var/spool/cron)",
    r"\bsystemctl\s+(?:stop|disable|mask)\b.*(?:audit|apparmor|aegis|aliyun|agent|monitor|firewalld|ufw|falcon|clam|ossec|wazuh)",
    r"\bsetenforce\s+0|\bufw\s+disable|\bnft\s+flush|\biptables\s+(?:-F|.*--dport\s+\d+.*\bDROP\b)",
    r"\buserdel\b|\bdocker\s+(?:rm|kill|rmi)\b",
)
_UNDOING = tuple(automaton(pattern, captures=False) for pattern in _UNDOES)
_UNDOES_ANY = automaton("|".join(f"(?:{pattern})" for pattern in _UNDOES), captures=False)
_CLEARS_WEIGHT = 3
_ENOUGH = 2
"""Kinds of things that a text takes away, from which on it clears the way for something else."""
_CLEARS = "clears the way"
_OTHERS = re.compile(
    r"(?i)history|/\.git/|/node_modules/|/(dist|site)-packages/|/(docs?|tests?|examples?)/|/vendor/|/wp-(includes|admin|content)/"
    r"|\.(md|rst|txt|html?|css|map|lock|json5|pot?|svg|log|yar|yml\.sample|1|8)$|^/usr/(lib|include)/|^/usr/share/(?!bash-completion|zsh|fish|vim)|^/var/lib/dpkg/"
)


@table(
    "changed-contents",
    reads="changed-files",
    also="temporary-files package-digests",
    fields={
        "path": "the file",
        "text": "the line that says most",
        "acts": "what its lines do",
        "weight": "1 to 3",
        "place": "where it lies",
        "hidden": "in something hidden",
        "uid": "whose it is",
    },
)
def changed_contents(collected: CollectionReader) -> Iterator[Row]:
    """Texts of no mechanism and no package that fetch and run, open shells to elsewhere, mine, or hide what they do."""
    digests = digests_of(collected)
    seen: set[int] = set()
    for archive in ("changed-files", "temporary-files"):
        for member in collected.members(archive):
            key = hash(member.name)
            if key in seen or member.kind != "file" or not 8 < member.size <= LARGEST:
                continue
            if _OTHERS.search(member.name) or mechanisms_of(member.name) or not collected.meter.hold("texts"):
                continue
            seen.add(key)
            yield from _row(archive, member, digests)


def _row(archive: str, member: Member, digests: Digests) -> Iterator[Row]:
    content = member.read(LARGEST)
    if b"\0" in content[:1024] or digests.brought(hashlib.md5(content, usedforsecurity=False).hexdigest()):
        return
    acts: dict[str, None] = {}
    worst, telling, line = 0, "", 0
    kills, undone = ("", 0), set[int]()
    for number, text in lines_of([content]):
        if text.lstrip().startswith(("#", "//", "*")):
            continue
        said = text[:4096].encode("utf-8", "surrogatepass")
        if not kills[0] and _KILLS.search(said):
            kills = (text.strip(), number)
        if _UNDOES_ANY.search(said):
            undone.update(at for at, pattern in enumerate(_UNDOING) if pattern.search(said))
        for act in acts_of(text[:4096]):
            weight = _WEIGHTS.get(act, 0)
            if weight:
                acts[act] = None
            if weight > worst:
                worst, telling, line = weight, text.strip(), number
    if kills[0] and len(undone) >= _ENOUGH:
        acts[_CLEARS] = None
        if worst < _CLEARS_WEIGHT:
            worst, telling, line = _CLEARS_WEIGHT, *kills
    if not worst:
        return
    place, hidden = place_of(member.name), is_hidden(member.name)
    if place in {"local", "home"} and not hidden and len(acts) < 2:
        worst -= 1
    row: Fields = {"path": member.name, "text": telling, "acts": ", ".join(acts), "weight": worst, "place": place}
    yield Row(row | {"hidden": hidden, "uid": member.uid}, Place(archive, line, member.name))
