"""Load artifacts and profiles from YAML files; report every mistake with file and line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from stopgap.orchestrator.duration import Duration
from stopgap.orchestrator.plugins import fail, files
from stopgap.orchestrator.resources import folder
from stopgap.orchestrator.source import InvalidInput, Loc, Located, Problem, did_you_mean, read, validate
from stopgap.orchestrator.text import tr
from stopgap.tasks.evidence.definition import EARLIER_KEYS, VOLATILITIES, Definition, Name
from stopgap.tasks.evidence.selection import Selection
from stopgap.tasks.evidence.source import AnySource, Archive, Walk


class Profile(BaseModel):
    """A profile: a named set of artifacts, collected together within a deadline."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    about: str = Field(description="Purpose of the profile")
    deadline: Duration = Field(timedelta(minutes=15), ge=timedelta(seconds=1), le=timedelta(days=1))
    """Time limit of the whole profile; a step's `timeout` takes precedence."""
    includes: tuple[Name, ...] = ()
    """Profiles with artifacts included in this profile."""
    artifacts: tuple[Name, ...] = ()


class ArtifactFile(BaseModel):
    """A file of definitions."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    selections: dict[Name, Selection] = {}
    artifacts: tuple[Definition, ...] = ()
    profiles: dict[Name, Profile] = {}


@dataclass(frozen=True)
class Catalogue:
    """All artifacts by id, with selections expanded, and all profiles by name."""

    artifacts: Mapping[str, Definition]
    profiles: Mapping[str, Profile]

    def chosen(self, names: Iterable[str]) -> tuple[Definition, ...]:
        """Return the named artifacts, ordered by volatility (RFC 3227), then in the order of `names`.

        Raises KeyError for an unknown name.
        """
        chosen = [self.artifacts[name] for name in dict.fromkeys(names)]
        return tuple(sorted(chosen, key=lambda definition: VOLATILITIES.index(definition.volatility)))

    def profile(self, name: str) -> tuple[Definition, ...]:
        """Return the artifacts of a profile in the order of collection; raises KeyError for an unknown profile."""
        profile = self.profiles[name]
        included = (artifact for other in profile.includes for artifact in self.profiles[other].artifacts)
        return self.chosen((*included, *profile.artifacts))


def shipped() -> Catalogue:
    """Return the catalogue shipped with Stopgap, extended by plug-ins."""
    return _loaded(())


def with_own(own: Path) -> Catalogue:
    """Return the shipped catalogue, extended by an operator's file or folder of artifacts; raises InvalidInput."""
    files = sorted(own.glob("*.yaml")) if own.is_dir() else [own]
    if not files:
        raise InvalidInput([Problem(str(own), tr("the folder has no artifacts"), expected=tr("files named *.yaml"))])
    return _loaded(tuple(files))


@cache
def _loaded(own: tuple[Path, ...]) -> Catalogue:
    return load([*sorted(folder("artifacts").glob("*.yaml")), *_of_plugins(own), *own])


def _of_plugins(named: tuple[Path, ...]) -> list[Path]:
    """Give the plug-ins' files that fit together with what is shipped; a file that the operator names is theirs."""
    known = sorted(folder("artifacts").glob("*.yaml"))
    fitting: list[Path] = []
    taken = {path.resolve() for path in named}
    for file in files("artifacts"):
        if file.path in taken:
            continue
        try:
            load([*known, *fitting, file.path])
        except InvalidInput as error:
            fail("artifacts", file.plugin.name, file.plugin.origin, str(error.problems[0]).splitlines()[0])
        else:
            fitting.append(file.path)
    return fitting


def load(paths: Iterable[Path]) -> Catalogue:
    """Load files of artifacts, selections and profiles; raises InvalidInput with every problem found."""
    problems: list[Problem] = []
    loaded: list[tuple[Located, ArtifactFile]] = []
    for path in paths:
        try:
            document = read(path)
        except InvalidInput as error:
            problems += error.problems
            continue
        content = validate(ArtifactFile, document, (), problems, EARLIER_KEYS)
        if content is not None:
            loaded.append((document, content))
    if problems:
        raise InvalidInput(problems)
    problems += _twice(loaded)
    selections = {name: chosen for _, content in loaded for name, chosen in content.selections.items()}
    artifacts: dict[str, Definition] = {}
    for document, content in loaded:
        for number, definition in enumerate(content.artifacts):
            at: Loc = ("artifacts", number)
            problems += _unknown_selections(definition, selections, document, at)
            if not problems:
                artifacts[definition.id] = _spelled_out(definition, selections)
            else:
                artifacts[definition.id] = definition
    profiles = {name: profile for _, content in loaded for name, profile in content.profiles.items()}
    for document, content in loaded:
        for name, profile in content.profiles.items():
            plain = [other for other, found in profiles.items() if not found.includes]
            problems += _unknown(profile.artifacts, artifacts, "artifact", document, ("profiles", name, "artifacts"))
            problems += _unknown(
                profile.includes, plain, tr("plain profile"), document, ("profiles", name, "includes")
            )
    if problems:
        raise InvalidInput(problems)
    return Catalogue(artifacts, profiles)


def _twice(loaded: Iterable[tuple[Located, ArtifactFile]]) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for document, content in loaded:
        names: list[tuple[Loc, str, str]] = [
            (("artifacts", number, "id"), "artifact", definition.id)
            for number, definition in enumerate(content.artifacts)
        ]
        names += [(("selections", name), "selection", name) for name in content.selections]
        names += [(("profiles", name), "profile", name) for name in content.profiles]
        for at, kind, name in names:
            if (kind, name) in seen:
                yield document.problem(
                    at, tr("a second {kind} `{name}`", kind=kind, name=name), at_key=kind != "artifact"
                )
            seen.add((kind, name))


def _unknown(names: Iterable[str], known: Iterable[str], kind: str, document: Located, at: Loc) -> Iterator[Problem]:
    for number, name in enumerate(names):
        if name not in known:
            hint = did_you_mean(name, known)
            yield document.problem((*at, number), tr("no {kind} `{name}`", kind=kind, name=name), hint=hint)


def _unknown_selections(
    definition: Definition, known: Mapping[str, Selection], document: Located, at: Loc
) -> Iterator[Problem]:
    for number, source in enumerate(definition.reads):
        for word in source.tests if isinstance(source, Walk | Archive) else ():
            if word.startswith("@") and word[1:] not in known:
                hint = did_you_mean(word[1:], known)
                yield document.problem(
                    (*at, "reads", number, "tests"), tr("no selection `{word}`", word=word[1:]), hint=hint
                )


def _spelled_out(definition: Definition, selections: Mapping[str, Selection]) -> Definition:
    reads: list[AnySource] = []
    for source in definition.reads:
        if not isinstance(source, Walk | Archive):
            reads.append(source)
            continue
        words = [*source.tests]
        if isinstance(source, Archive) and source.secrets == "withheld":
            words.append("@secrets")
        tests = tuple(
            each for word in words for each in (selections[word[1:]].words() if word[0] == "@" else (word,))
        )
        reads.append(source.model_copy(update={"tests": tests}))
    return definition.model_copy(update={"reads": tuple(reads)})
