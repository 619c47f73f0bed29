"""Read-only programs, and the software installed on a host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.shell import join, quote

READ_ONLY: tuple[tuple[str, ...], ...] = (
    ("apache2ctl", "-S"),
    ("apache2ctl", "-t"),
    ("birdc", "-r"),
    ("conntrack", "-L"),
    ("exim", "-bp"),
    ("exim4", "-bp"),
    ("exim4", "-bpc"),
    ("firewall-cmd", "--list-all"),
    ("httpd", "-S"),
    ("httpd", "-t"),
    ("ip", "-4", "-j", "route", "get"),
    ("ip", "-4", "route", "show"),
    ("ip", "-4", "rule", "show"),
    ("ip", "-6", "-j", "route", "get"),
    ("ip", "-6", "route", "show"),
    ("ip", "-6", "rule", "show"),
    ("ip", "-j", "addr", "show"),
    ("ip", "-j", "neigh", "show"),
    ("ip", "-j", "route", "get"),
    ("ip", "-j", "route", "show"),
    ("mailq",),
    ("nft", "-j", "list"),
    ("nft", "-s", "list"),
    ("nft", "list"),
    ("postconf", "-h"),
    ("ufw", "status"),
)
"""The commands allowed in a probe, each by its first words. No arguments can make such a command change anything."""


READ_ONLY_ALONE: tuple[tuple[str, ...], ...] = (
    ("ip6tables-save",),
    ("ipset", "save"),
    ("iptables-save",),
)
"""The same for commands able to write a file with further arguments: allowed only exactly as listed."""


def _only_shows(argv: tuple[str, ...]) -> bool:
    """Return True for FRR's shell with `show` commands only, given by `-c` (vtysh(8))."""
    options, lines = argv[1::2], argv[2::2]
    asks = argv[:1] == ("vtysh",) and len(options) == len(lines) > 0 and set(options) == {"-c"}
    return asks and all(line.startswith("show ") and line.isprintable() for line in lines)


class ProgramFact(Fact):
    """The output of a command."""

    status: int
    """127 for a command not installed; -1 without word from the host."""
    stdout: str = ""
    stderr: str = ""
    cut: bool = False
    """The output was truncated by cap or timeout."""


@dataclass(frozen=True)
class Program(Reader[ProgramFact]):
    """Run one of the read-only commands, or a `show` of vtysh; any other command raises ValueError."""

    argv: tuple[str, ...]
    partial: bool = False
    """Accept truncated output of a large or slow command: the fact is then marked `cut`."""

    def __post_init__(self) -> None:
        """Raise ValueError for a command not known as read-only."""
        known = self.argv in READ_ONLY_ALONE or any(self.argv[: len(words)] == words for words in READ_ONLY)
        if not known and not _only_shows(self.argv):
            raise ValueError(f"{join(self.argv)}: not among the commands that only read")

    def script(self) -> str:
        """Return the script: run the command with the administrator's directories on the path."""
        return f"LC_ALL=C {join(self.argv)}"

    def parse(self, output: Output) -> ProgramFact:
        """Keep status and text; truncated output is an error, since a part could pass for the whole."""
        cut = output.status is None or output.truncated
        if cut and not self.partial:
            raise UnreadableError(f"{join(self.argv)}: no complete answer")
        return ProgramFact(
            status=-1 if output.status is None else output.status,
            stdout=output.stdout.decoded(),
            stderr=output.stderr.decoded(),
            cut=cut,
        )


class SystemFact(Fact):
    """The kind of the host's system."""

    init: Literal["systemd", "sysvinit", "openrc", "unknown"] = "unknown"
    os: str = ""
    """`ID` of /etc/os-release (os-release(5)), such as `debian`."""
    os_like: tuple[str, ...] = ()
    uid: int = 0
    """User id of the reading account."""
    programs: tuple[str, ...] = ()
    """The installed programs among the requested programs."""


@dataclass(frozen=True)
class System(Reader[SystemFact]):
    """Read init system, distribution, user id, and the presence of some programs."""

    programs: tuple[str, ...] = ()

    def script(self) -> str:
        """Return the script: `key value` lines."""
        which = " ".join(quote(p) for p in self.programs)
        return (
            "if [ -d /run/systemd/system ]; then echo init systemd\n"
            "elif [ -x /sbin/openrc-run ]; then echo init openrc\n"
            "elif [ -d /etc/init.d ]; then echo init sysvinit; fi\n"
            "sed -n -e 's/^ID=/os /p' -e 's/^ID_LIKE=/like /p' /etc/os-release 2>/dev/null | tr -d '\"'\n"
            'echo "uid $(id -u)"\n'
            f'for p in {which}; do command -v "$p" >/dev/null 2>&1 && echo "has $p"; done; true'
        )

    def parse(self, output: Output) -> SystemFact:
        """Parse the lines; words not asked for are ignored."""
        found: dict[str, list[str]] = {}
        for line in output.stdout.lines():
            key, _, value = line.partition(" ")
            found.setdefault(key, []).append(value)
        uid = parse_int(found.get("uid", [""])[0], 10)
        if uid is None:
            raise UnreadableError("the host did not say as whom it runs commands")
        init = found.get("init", ["unknown"])[0]
        return SystemFact.model_validate(
            {
                "init": init if init in {"systemd", "sysvinit", "openrc"} else "unknown",
                "os": found.get("os", [""])[0],
                "os_like": tuple(found.get("like", [""])[0].split()),
                "uid": uid,
                "programs": tuple(p for p in self.programs if p in found.get("has", [])),
            }
        )
