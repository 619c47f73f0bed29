"""Access to the host: accounts, password states, keys, and sshd's configuration."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping

from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.evidence.reader import LONGEST_LINE, CollectionReader, Line, lines_of
from stopgap.orchestrator.findings.pattern import automaton
from stopgap.orchestrator.findings.provenance.places import is_hidden, place_of
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.files import collected_at
from stopgap.orchestrator.hostnumber import parse_int

TEXT = 4 << 20
"""Bytes of one file that are read as text."""
_PASSWORDS = {"": "empty", "x": "shadow"}
_MOST_NUMBERS = 100_000
MOST_PLACES = 32
"""Of keys that sshd was told of."""
_KEY = re.compile(r"(?:^|\s)((?:sk-)?(?:ssh|ecdsa)-[\w@.-]+)\s+([A-Za-z0-9+/]+=*)(?:\s+(.*))?$")


def text_of(member: Member, cap: int = TEXT) -> Iterator[Line]:
    """Give the lines of a file in an archive, `cap` bytes at most."""
    return lines_of(member.chunks(cap), member.meter, member.name)


@table(
    "accounts",
    reads="configuration",
    fields={
        "name": "the account",
        "uid": "its number",
        "gid": "its group",
        "home": "its home",
        "shell": "its shell",
        "enters": "that shell lets somebody work",
        "password": "`shadow`, `locked`, `empty`, or `here`: what passwd itself says of it",
        "odd": "its home or shell lies where everyone may write, or in something hidden",
        "twice": "an account above it has the same number",
        "added": "there is a copy of passwd as it was before the last change, and the account is not in it",
    },
)
def accounts(collected: CollectionReader) -> Iterator[Row]:
    """Accounts of passwd(5)."""
    before = _before(collected)
    for member in collected.members("configuration"):
        if member.name != "/etc/passwd":
            continue
        seen: set[int] = set()
        for number, text in text_of(member):
            fields = text.split(":")
            if len(fields) < 7 or not (fields[2].isascii() and fields[2].isdigit()):
                continue
            shell = fields[6].strip()
            row: Fields = {"name": fields[0], "uid": _id(fields[2]), "gid": _id(fields[3])}
            row |= {"home": fields[5], "shell": shell}
            row |= {"enters": not shell.endswith(("/nologin", "/false", "/sync", "/halt", "/shutdown"))}
            row |= {"password": _PASSWORDS.get(fields[1], "locked" if fields[1][:1] in "!*" else "here")}
            row |= {"odd": _is_odd(shell) or bool(row["enters"] and _is_odd(fields[5])), "twice": row["uid"] in seen}
            row |= {"added": bool(before) and fields[0] not in before}
            if len(seen) < _MOST_NUMBERS:
                seen.add(int(row["uid"]))
            yield Row(row, Place("configuration", number, member.name))


def _before(collected: CollectionReader) -> frozenset[str]:
    """Return the accounts of /etc/passwd-, which useradd(8) and its like leave; empty without one."""
    found: set[str] = set()
    for member in collected.members("configuration"):
        if member.name == "/etc/passwd-" and member.kind == "file":
            names = (text.partition(":")[0] for _, text in text_of(member))
            found |= {name for name in names if name and collected.meter.hold("accounts", name)}
    return frozenset(found)


def _is_odd(path: str) -> bool:
    return place_of(path) == "open" or is_hidden(path)


def _id(text: str) -> int:
    """Parse a user or group id, leading zeros allowed; -1 for an impossible id."""
    number = parse_int(text.lstrip("0") or text[-1:], 10)
    return -1 if number is None else number


@table(
    "known-accounts",
    reads="known-accounts configuration",
    fields={"name": "the account", "uid": "its number", "home": "its home", "shell": "its shell"},
)
def known_accounts(collected: CollectionReader) -> Iterator[Row]:
    """Accounts that the name service knows and passwd(5) does not hold: of a directory elsewhere, or of a module."""
    held = {str(row.fields["name"]) for row in accounts(collected) if collected.meter.hold("accounts", "")}
    for number, text in collected.lines("known-accounts"):
        fields = text.split(":")
        if len(fields) == 7 and fields[2].isascii() and fields[2].isdigit() and held and fields[0] not in held:
            row: Fields = {"name": fields[0], "uid": _id(fields[2]), "home": fields[5], "shell": fields[6].strip()}
            yield Row(row, Place("known-accounts", number))


@table(
    "passwords",
    reads="password-states",
    fields={
        "account": "the account, or the group",
        "file": "`shadow` or `gshadow`",
        "state": "`empty`, `locked`, `set`, …",
        "age": "days since it was changed; -1 where unknown",
    },
)
def passwords(collected: CollectionReader) -> Iterator[Row]:
    """Password states from the shadow file, without hashes."""
    today = collected_at(collected) / 86400
    for number, text in collected.lines("password-states"):
        file, colon, rest = text.partition(":")
        fields = rest.split(":")
        if not colon or len(fields) < 3:
            continue
        changed = parse_int(fields[2], 9) if file.endswith("/shadow") else None
        row: Fields = {"account": fields[0], "file": file.rpartition("/")[2], "state": fields[1]}
        yield Row(row | {"age": -1 if changed is None else int(today - changed)}, Place("password-states", number))


@table(
    "keys",
    reads="ssh",
    also="sshd configuration",
    fields={
        "path": "the file",
        "type": "the kind of key",
        "fingerprint": "its SHA-256, as ssh-keygen -l shows it",
        "comment": "what stands behind the key",
        "options": "what stands before it",
        "forced": "the key starts one command alone, of those that serve one purpose, such as `borg serve`",
        "person": "the file lies in the home of one person's account (login.defs(5), UID_MIN), and is that account's",
        "age": "days since the file was written",
    },
)
def keys(collected: CollectionReader) -> Iterator[Row]:
    """SSH keys with permission to log in."""
    now, homes = collected_at(collected), _homes_of_people(collected)
    for archive, member in _key_files(collected):
        home = member.name.rpartition("/.ssh/")[0]
        for number, text in text_of(member):
            found = _KEY.search(text[:LONGEST_LINE])
            if not found or text.lstrip().startswith("#"):
                continue
            options = text[: found.start(1)].strip()
            command = _COMMAND.search(options)
            row: Fields = {
                "path": member.name,
                "type": found[1],
                "fingerprint": _fingerprint(found[2]),
                "comment": (found[3] or "").strip(),
                "options": options,
                "forced": command is not None
                and _RESTRICTED.fullmatch(command[1].encode("utf-8", "surrogatepass")) is not None,
                "person": home in homes and member.uid in {0, homes[home]},
                "age": round((now - member.mtime) / 86400, 2),
            }
            yield Row(row, Place(archive, number, member.name))


_COMMAND = re.compile(r'(?i)\bcommand="((?:[^"\\]|\\.)*)"')
_RESTRICTED = automaton(
    r"(?:sudo\s+(?:-n\s+)?)?(?:/usr/(?:local/)?s?bin/|/usr/lib(?:exec)?/[\w/-]+/|/opt/[\w./-]+/)?(?:borg\s+serve|restic|rclone\s+serve|rrsync|rsync\s+--server"
    r"|rdiff-backup\s+(?:--server|server)|git-shell|gitolite-shell|gitlab-shell|gitea|forgejo|svnserve|internal-sftp|sftp-server|ssh_filter_btrbk(?:\.sh)?"
    r"|zfs\s+(?:recv|receive|send)|validate-rsync|burp|duplicity|unison|pg_basebackup|nologin|false|true)(?:\s[^;&|`<>]*)?",
    captures=False,
)
"""Commands for one purpose, which give no shell."""
_PEOPLE = range(1000, 60000)
_OF_SERVICES = ("/var/lib/", "/var/www", "/etc/", "/usr/", "/run/")


def _homes_of_people(collected: CollectionReader) -> Mapping[str, int]:
    """Return the homes, each with the account's number, that belong to one person and to no service."""
    owners: dict[str, set[int]] = {}
    for row in accounts(collected):
        home = str(row.fields["home"]).rstrip("/")
        if collected.meter.hold("homes", home):
            owners.setdefault(home, set()).add(int(row.fields["uid"]))
    return {
        home: min(uids)
        for home, uids in owners.items()
        if all(uid in _PEOPLE for uid in uids) and not home.startswith(_OF_SERVICES)
    }


def _key_files(collected: CollectionReader) -> Iterator[tuple[str, Member]]:
    """Yield key files: the default locations, and files below /etc named by sshd's configuration."""
    for member in collected.members("ssh"):
        if member.kind == "file" and member.name.rpartition("/")[2].startswith("authorized_keys"):
            yield "ssh", member
    told = [_key_path(word) for word in _told(collected)]
    for member in collected.members("configuration") if told else ():
        if member.kind == "file" and any(pattern.fullmatch(member.name) for pattern in told):
            yield "configuration", member


def _told(collected: CollectionReader) -> list[str]:
    """Return the absolute paths of `AuthorizedKeysFile`, from sshd's effective configuration."""
    for _, text in collected.lines("sshd"):
        option, _, value = text.partition(" ")
        if option.lower() == "authorizedkeysfile":
            return [word for word in value.split()[:MOST_PLACES] if word.startswith("/")]
    return []


def _key_path(word: str) -> re.Pattern[str]:
    """Return a pattern for a path with tokens such as `%u` (sshd_config(5), TOKENS)."""
    parts = re.split(r"%(.)", word)
    return re.compile(
        "".join(re.escape(part) if n % 2 == 0 else "%" if part == "%" else "[^/]+" for n, part in enumerate(parts))
    )


def _fingerprint(blob: str) -> str:
    try:
        digest = hashlib.sha256(base64.b64decode(blob + "=" * (-len(blob) % 4))).digest()
    except (binascii.Error, ValueError):
        return "no key"
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


@table("ssh-files", reads="ssh", fields={"path": "the file", "text": "the line"})
def ssh_files(collected: CollectionReader) -> Iterator[Row]:
    """Lines of files used by ssh at a login: rc and environment."""
    for member in collected.members("ssh"):
        if member.kind == "file" and member.name.rpartition("/")[2] in {"rc", "environment"}:
            for number, text in text_of(member):
                if text.strip() and not text.lstrip().startswith("#"):
                    yield Row({"path": member.name, "text": text}, Place("ssh", number, member.name))


@table("sshd", reads="sshd", fields={"option": "the option, in small letters", "value": "its value"})
def sshd(collected: CollectionReader) -> Iterator[Row]:
    """The effective configuration of sshd."""
    for number, text in collected.lines("sshd"):
        option, blank, value = text.partition(" ")
        if blank and option.isalnum():
            yield Row({"option": option.lower(), "value": value.strip()}, Place("sshd", number))
