"""dns.point: a name points to the spare, by a dynamic update on the name server."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, StringConstraints

from stopgap.orchestrator.change import Command, Expectation, RunCommands, command
from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.duration import Duration, format_duration
from stopgap.orchestrator.facts import ABSENT, File, FileFact, Program, ProgramFact, ReadOnly, System, SystemFact
from stopgap.orchestrator.host import CheckVantage, Scene
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.task import Facts, Note, Parameters, Planned, Probe, Task, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.web.zone_file import ZoneFileError, with_addresses

DomainName: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_]([A-Za-z0-9_-]*\.)*[A-Za-z0-9-]+\.?$", max_length=253)
]
_DIG = ReadOnly(
    ("dig", "+noall", "+answer"),
    more=r"@[0-9a-f.:]+|A|AAAA|[A-Za-z0-9_][A-Za-z0-9._-]*\.",
    because="dig(1) asks a name server and prints the answer; -f and -k are not allowed here",
)
_LOOK = """\
# Arguments: a server, a name and a zone file, if any. Prints the addresses, sorted, on one line, and the file's sum.
for kind in A AAAA; do dig +short "@$1" "$2" "$kind" || exit 1; done | sort | tr '\\n' ' ' | sed 's/ $//'
[ -z "$3" ] || sha256sum <"$3" | sed 's/ .*//; s/^/ /' | tr -d '\\n'
"""
_WRITE = """\
# Arguments: a zone file, the zone, and what reads the zone again. Input: the new text. The old file comes back if the
# test of the zone or the reload fails.
f=$1 zone=$2
shift 2
new=$(mktemp "$f.XXXXXX") && cp -p "$f" "$new" && cat >"$new" || exit 1
case $1 in
    nsd-control) nsd-checkzone "${zone%.}" "$new" >&2 ;;
    rndc) named-checkzone "${zone%.}" "$new" >&2 ;;
    knotc) kzonecheck -o "${zone%.}" "$new" >&2 ;;
esac || { rm -f "$new"; exit 1; }
old=$(mktemp "$f.XXXXXX") && cp -p "$f" "$old" && mv "$new" "$f" || { rm -f "$new" "$old"; exit 1; }
"$@" >&2 || { mv "$old" "$f"; exit 1; }
rm -f "$old"
"""
_RELOADS = {
    "nsd-control": ("nsd-control", "reload"),
    "knotc": ("knotc", "zone-reload"),
    "rndc": ("rndc", "reload"),
}
"""Program of a name server → the command that reads a zone again, before the zone's name."""


class DnsPointParams(Parameters):
    """Zone, name, and the addresses of the new records."""

    zone: DomainName = Field(description="The zone, such as `shop.example`.")
    name: DomainName = Field(description="The name in full, such as `www.shop.example`.")
    addresses: tuple[IPv4Address | IPv6Address, ...] = Field(
        min_length=1,
        max_length=16,
        description="Addresses of the spare: all A and AAAA records of the name become these.",
    )
    ttl: Duration = Field(
        timedelta(seconds=60),
        ge=timedelta(seconds=1),
        le=timedelta(days=1),
        description="How long resolvers may keep the new addresses.",
    )
    server: IPv4Address | IPv6Address = Field(
        IPv4Address("127.0.0.1"), description="Address at which the name server answers on its own host."
    )
    zone_file: Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._+-]+)+$")] | None = Field(
        None,
        description="For a zone that is a file (NSD, Knot DNS, BIND without dynamic updates): the path on the name"
        " server. The records are changed there, the serial is raised, and the zone is read again.",
    )
    reload: tuple[Annotated[str, StringConstraints(min_length=1, max_length=1000)], ...] | None = Field(
        None,
        description="With `zone_file`: the command that has the zone read again. Default: that of the name server"
        " there, such as `nsd-control reload ZONE`.",
    )
    key: Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._+-]+)+$")] | None = Field(
        None,
        description="File on the name server with the TSIG key that may update the zone (tsig-keygen(8)); the content"
        " is not read. Default: the key of the session (`update-policy local`).",
    )


class DnsPointFacts(Facts):
    """The records of the name, as the name server has these."""

    a: ProgramFact
    aaaa: ProgramFact
    system: SystemFact = SystemFact()
    zone_file: FileFact = ABSENT


class Record(Facts):
    """One address record."""

    kind: Literal["A", "AAAA"]
    address: IPv4Address | IPv6Address
    ttl: int
    """Seconds."""


class PointsTo(Check):
    """The name server gives exactly the addresses."""

    kind: Literal["points-to"] = "points-to"
    vantage: CheckVantage = "target"
    server: str
    name: str
    addresses: tuple[str, ...]
    family: Literal["A", "AAAA"]
    trusts_target: ClassVar[bool] = False

    def describe(self) -> str:
        """Return the expected answer."""
        shown = ", ".join(self.addresses) or tr("no address")
        return tr("{name} {family} is {addresses}", name=self.name, family=self.family, addresses=shown)

    def reader(self) -> Program:
        """Ask the name server."""
        return _DIG.asked(f"@{self.server}", self.name, self.family)

    def judge(self, fact: Any) -> Judgement:  # noqa: ANN401
        """Compare the addresses."""
        seen = sorted(str(record.address) for record in _records(fact))
        return Judgement(seen == sorted(self.addresses), ", ".join(seen) or tr("no address"))


class DnsPoint(Task[DnsPointParams, DnsPointFacts]):
    """Point a name to the spare, on the name server of the zone, where no router can divert visitors.

    The target is the name server: BIND, or another that takes dynamic updates (RFC 2136), signed with TSIG; or, with
    `zone_file`, NSD, Knot DNS or another whose zone is a file, which is tested before it is read again. All A and
    AAAA records of the name become the addresses of the spare; the undo brings back the records of before, with their
    times. Resolvers keep the old addresses for as long as the records allowed; the step says how long.
    """

    name = "dns.point"
    vantages = ("target",)

    def probe(self, params: DnsPointParams, scene: Scene) -> Probe:
        """Ask for the present records."""
        words = (f"@{params.server}", _dotted(params.name))
        asked: Probe = {"a": _DIG.asked(*words, "A"), "aaaa": _DIG.asked(*words, "AAAA")}
        if params.zone_file is None:
            return asked
        return {**asked, "system": System(tuple(_RELOADS)), "zone_file": File(params.zone_file)}

    def plan(self, params: DnsPointParams, facts: DnsPointFacts, scene: Scene) -> Iterator[Planned]:
        """Yield the update; nothing if the name points to the spare already."""
        for answer in (facts.a, facts.aaaa):
            if answer.status != 0:
                raise Unplannable(
                    tr("the name server on {host} does not answer, or dig is not there", host=scene.on.name)
                )
            if any(line.split()[3:4] == ["CNAME"] for line in answer.stdout.splitlines()):
                raise Unplannable(tr("{name} is an alias (CNAME): point the name behind it", name=params.name))
        old = [*_records(facts.a), *_records(facts.aaaa)]
        new = _wanted(params)
        if {(r.address, r.ttl) for r in old} == {(r.address, r.ttl) for r in new}:
            return
        name = _dotted(params.name)
        do, undo = _by_file(params, facts, old, new, scene) if params.zone_file else _by_update(params, old, new)
        untouched = (_sum(undo.stdin), _sum(facts.zone_file.text())) if params.zone_file else ("",)
        yield RunCommands(
            about=tr(
                "point {name} to {new}, from {old}",
                name=params.name,
                new=", ".join(str(record.address) for record in new),
                old=", ".join(str(record.address) for record in old) or tr("no address"),
            ),
            do=(do,),
            undo=(undo,),
            undo_about=tr("bring back the records of {name}, with their times", name=params.name),
            expects=Expectation(
                look=command("sh", "-s", "--", str(params.server), name, params.zone_file or "", stdin=_LOOK),
                left=(_line(new) + (_sum(do.stdin) if params.zone_file else ""),),
                gone=tuple(_line(old) + each for each in untouched),
            ),
            diff=(*(f"- {_text(name, r)}" for r in old), *(f"+ {_text(name, r)}" for r in new)),
        )
        if old:
            kept = format_duration(timedelta(seconds=max(record.ttl for record in old)))
            yield Note(
                text=tr("resolvers keep the old addresses for up to {time} (the time of the records)", time=kept)
            )

    def checks(self, params: DnsPointParams, facts: DnsPointFacts, scene: Scene) -> Iterator[Check]:
        """Ask the name server for both kinds of address."""
        for family, version in (("A", 4), ("AAAA", 6)):
            yield PointsTo(
                server=str(params.server),
                name=_dotted(params.name),
                addresses=tuple(str(each) for each in params.addresses if each.version == version),
                family="A" if family == "A" else "AAAA",
            )


def _records(answer: ProgramFact) -> list[Record]:
    """Read lines such as `www.shop.example. 3600 IN A 203.0.113.10`; what is no address record is left out."""
    found = []
    for line in answer.stdout.splitlines():
        words = line.split()
        if len(words) == 5 and words[3] in {"A", "AAAA"} and (ttl := parse_int(words[1], 10)) is not None:
            try:
                address = IPv4Address(words[4]) if words[3] == "A" else IPv6Address(words[4])
            except ValueError:
                continue
            found.append(Record.model_validate({"kind": words[3], "address": address, "ttl": ttl}))
    return found


def _wanted(params: DnsPointParams) -> list[Record]:
    ttl = int(params.ttl.total_seconds())
    return [
        Record(kind="A" if address.version == 4 else "AAAA", address=address, ttl=ttl) for address in params.addresses
    ]


def _by_update(params: DnsPointParams, old: Sequence[Record], new: Sequence[Record]) -> tuple[Command, Command]:
    """Return the dynamic updates to the new records, and back."""
    tool = ("nsupdate", "-k", params.key) if params.key else ("nsupdate", "-l")
    return command(*tool, stdin=_update(params, new)), command(*tool, stdin=_update(params, old))


def _by_file(
    params: DnsPointParams, facts: DnsPointFacts, old: Sequence[Record], new: Sequence[Record], scene: Scene
) -> tuple[Command, Command]:
    """Return the commands that write the zone file, and write back the old one under a still higher serial.

    A lower serial would leave secondary servers with the new addresses. Raises Unplannable.
    """
    path, zone, name = params.zone_file or "", _dotted(params.zone), _dotted(params.name)
    text = facts.zone_file.text()
    if facts.zone_file.kind != "file" or text is None:
        raise Unplannable(tr("{path} on {host} is no zone file that can be read", path=path, host=scene.on.name))
    reload = params.reload
    if reload is None:
        known = next((words for program, words in _RELOADS.items() if program in facts.system.programs), None)
        if known is None:
            raise Unplannable(
                tr("{host} has neither nsd-control nor knotc nor rndc: give `reload`", host=scene.on.name)
            )
        reload = (*known, zone.removesuffix("."))
    lines = [_text(name, record) for record in new]
    try:
        after = with_addresses(text, zone, name, lines, raised=1)
        before = with_addresses(text, zone, "", (), raised=2)
    except ZoneFileError as error:
        why = str(error)
        raise Unplannable(tr("{path} cannot be edited with certainty: {why}", path=path, why=why)) from None
    words = ("sh", "-c", _WRITE, "sh", path, zone, *reload)
    shown = tr("write {path}, test it, and run: {reload}", path=path, reload=" ".join(reload))
    do, undo = (Command(argv=words, stdin=each, shown=shown) for each in (after, before))
    return do, undo


def _sum(text: str | None) -> str:
    """Return the sum of a zone file, as the look prints it after the addresses."""
    return f" {hashlib.sha256((text or '').encode('utf-8', 'surrogateescape')).hexdigest()}"


def _update(params: DnsPointParams, records: Sequence[Record]) -> str:
    """Return the lines for nsupdate(1): no address of before stays, and each record is added."""
    name = _dotted(params.name)
    lines = [f"server {params.server}"] if params.key else []
    lines += [f"zone {_dotted(params.zone)}", f"update delete {name} A", f"update delete {name} AAAA"]
    lines += [f"update add {_text(name, record)}" for record in records]
    return "\n".join([*lines, "send", ""])


def _text(name: str, record: Record) -> str:
    return f"{name} {record.ttl} {record.kind} {record.address}"


def _line(records: Sequence[Record]) -> str:
    return "".join(f"{address} " for address in sorted(str(record.address) for record in records)).rstrip()


def _dotted(name: str) -> str:
    return f"{name.removesuffix('.')}."
