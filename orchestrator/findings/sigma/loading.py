"""Load Sigma rules: of a folder all that can be held, the others named with the reason; of a single file an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.findings.model import NotLooked
from stopgap.orchestrator.severity import Severity
from stopgap.orchestrator.source import InvalidInput, read
from stopgap.orchestrator.technique import is_technique
from stopgap.orchestrator.text import tr, trn

if TYPE_CHECKING:
    from stopgap.orchestrator.findings.sigma.events import Event, Stream

MOST_FILES = 20_000
_SEVERITIES: dict[str, Severity] = {"LOW": "low", "MEDIUM": "medium", "HIGH": "high", "CRITICAL": "critical"}
_TEXTS, _LONGEST_TEXT = 20, 1000
"""Texts of one list of a rule, and characters of one, that a finding tells."""
_AGGREGATING = ("timeframe",)
_NOT_ALONE = {"correlation": tr("a correlation of several events"), "filter": tr("a filter for other rules")}


class SigmaError(Error):
    """Unusable Sigma rules; the message gives file and reason."""


@dataclass(frozen=True)
class SigmaRule:
    """A Sigma rule ready for evaluation."""

    id: str
    title: str
    severity: Severity
    why: str
    falsepositives: tuple[str, ...]
    tags: tuple[str, ...]
    """Those of its tags that name a technique of MITRE ATT&CK."""
    references: tuple[str, ...]
    stream: Stream
    meets: Callable[[Event], bool]


@dataclass(frozen=True)
class SigmaRules:
    """All of some files."""

    rules: tuple[SigmaRule, ...]
    refused: tuple[NotLooked, ...]
    """Rules that ask for something that is not evaluated here, or for logs that are not collected."""


def load_sigma(path: Path) -> SigmaRules:
    """Read the rules of a file, or of all `*.yml` and `*.yaml` below a folder.

    A folder, such as the public rule set, gives what can be held; its invalid rules are among the refused, and files
    that are no rules are counted. Raises SigmaError for an invalid single file, and for a folder without any rule.
    """
    try:
        import sigma.rule  # noqa: F401, PLC0415 (an extra)
    except ImportError:
        raise SigmaError(tr("for Sigma rules, install pySigma: pip install 'stopgap[sigma]'")) from None
    files = sorted(p for p in path.rglob("*") if p.suffix in {".yml", ".yaml"}) if path.is_dir() else [path]
    if not files:
        raise SigmaError(tr("{path}: holds no *.yml and no *.yaml", path=path))
    if len(files) > MOST_FILES:
        raise SigmaError(
            tr(
                "{path}: holds {count} rules; {most_files} at most",
                path=path,
                count=len(files),
                most_files=MOST_FILES,
            )
        )
    rules: list[SigmaRule] = []
    refused: list[NotLooked] = []
    elsewhere: dict[str, int] = {}
    whole = path.is_dir()
    no_rules = 0
    for file in files:
        try:
            made = _load(file, path)
        except SigmaError as error:
            if not whole:
                raise
            made = _refused(file, file.stem, tr("the rule is wrong: {error}", error=str(error)[:_LONGEST_TEXT]))
        if made is None:
            no_rules += 1
        elif isinstance(made, SigmaRule):
            rules.append(made)
        elif isinstance(made, NotLooked):
            refused.append(made)
        else:
            elsewhere[made] = elsewhere.get(made, 0) + 1
    if no_rules == len(files):
        raise SigmaError(tr("{path}: holds no Sigma rule", path=path))
    if no_rules:
        refused.append(
            NotLooked(
                id="sigma",
                title=tr("Files that are no Sigma rules"),
                reason=trn("1 file has no `detection`", "{count} files have no `detection`", no_rules),
            )
        )
    refused += [
        NotLooked(
            id="sigma",
            title=tr("Sigma rules for {source}", source=source),
            reason=tr("{count} rules: such a log is not collected", count=count),
        )
        for source, count in sorted(elsewhere.items())
    ]
    return SigmaRules(tuple(rules), tuple(refused))


def _load(file: Path, asked: Path) -> SigmaRule | NotLooked | str | None:
    """Load a rule; return NotLooked for an unsupported rule, or the name of an uncollected log source.

    None stands for a file below the folder asked for that does not look like a rule.
    """
    try:
        data = read(file).data
    except InvalidInput as error:
        raise SigmaError(str(error.problems[0])) from None
    if file != asked and not (isinstance(data, dict) and {"detection", "action", *_NOT_ALONE} & data.keys()):
        return None
    if not isinstance(data, dict):
        raise SigmaError(tr("{file}: no Sigma rule", file=file))
    title = str(data.get("title", file.stem))[:200]
    for key, meaning in _NOT_ALONE.items():
        if key in data:
            return _refused(file, title, tr("`{key}`: {meaning} is not evaluated", key=key, meaning=meaning))
    if "action" in data:
        return _refused(file, title, tr("`action`: collections of several documents are not read"))
    return _made(file, title, data)


def _made(file: Path, title: str, data: dict[str, Any]) -> SigmaRule | NotLooked | str:
    from sigma.exceptions import SigmaError as Wrong  # noqa: PLC0415 (an extra)
    from sigma.rule import SigmaRule as Parsed  # noqa: PLC0415 (an extra)

    from stopgap.orchestrator.findings.sigma.condition import POLICY, Unsupported, fields_of, test_of  # noqa: PLC0415
    from stopgap.orchestrator.findings.sigma.events import stream_of  # noqa: PLC0415

    try:
        rule = Parsed.from_dict(data, policy=POLICY)
        source = rule.logsource
        stream = stream_of(*(str(part or "").lower() for part in (source.category, source.product, source.service)))
        if stream is None:
            parts = (source.product, source.category, source.service)
            return "/".join(str(part) for part in parts if part)[:100]
        detection = data["detection"]
        if unknown := [key for key in _AGGREGATING if key in detection]:
            return _refused(
                file, title, tr("`{unknown}`: counting events within a time is not evaluated", unknown=unknown[0])
            )
        trees = [condition.parsed for condition in rule.detection.parsed_condition]
        fields = sorted({name for tree in trees for name in fields_of(tree)})
        if stream.fields is not None and (strange := [n for n in fields if n.lower() not in stream.fields]):
            return _refused(
                file,
                title,
                tr("the field `{strange}` is not known of {about}", strange=strange[0], about=stream.about),
            )
        tests = [test_of(tree) for tree in trees]
    except Unsupported as reason:
        return _refused(file, title, tr("{reason} is not evaluated", reason=reason))
    except (Wrong, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SigmaError(f"{file}: {str(error)[:500] or type(error).__name__}") from None
    return SigmaRule(
        id=_id(file),
        title=title,
        severity=_SEVERITIES.get(rule.level.name, "info") if rule.level else "medium",
        why=" ".join(str(rule.description or "The rule's author says what it stands for.").split())[:1000],
        falsepositives=_texts(rule.falsepositives) or ("The rule's author names nothing.",),
        tags=tuple(tag for tag in map(str, rule.tags) if is_technique(tag)),
        references=_texts(rule.references),
        stream=stream,
        meets=lambda event: any(test(event) for test in tests),
    )


def _texts(listed: Iterable[object]) -> tuple[str, ...]:
    """Give texts of a rule's author, each escaped and cut, and no more than there is room for."""
    return tuple(text for each in islice(listed, _TEXTS) if (text := str(each)[:_LONGEST_TEXT]))


def _refused(file: Path, title: str, reason: str) -> NotLooked:
    return NotLooked(id=_id(file), title=f"Sigma rule {title}", reason=reason)


def _id(file: Path) -> str:
    return f"sigma-{re.sub(r'[^a-z0-9]+', '-', file.stem.lower()).strip('-') or 'rule'}"
