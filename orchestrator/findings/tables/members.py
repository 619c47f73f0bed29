"""Members of groups that amount to root's rights, and what passwd(5) itself says of passwords and shells."""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.accounts import accounts, text_of
from stopgap.orchestrator.hostnumber import parse_int

POWERS = {
    "root": "root's files", "wheel": "root by sudo", "sudo": "root by sudo", "admin": "root by sudo",
    "disk": "every file, past all permissions", "shadow": "the hashes of passwords", "kmem": "the kernel's memory",
    "docker": "root by a container", "lxd": "root by a container", "lxc": "root by a container",
    "incus-admin": "root by a container", "libvirt": "disks of virtual machines", "mem": "the kernel's memory",
}  # fmt: skip
"""Groups → what their members have."""
_ADMINISTERS = frozenset({"sudo", "wheel", "admin"})


@table(
    "group-members",
    reads="configuration",
    fields={
        "group": "the group",
        "of": "the group whose number it has: itself, or one of root's rights under another name",
        "member": "the account",
        "uid": "its number; -1 where passwd does not name it",
        "service": "an account of a service, by its number",
        "power": "what members of that group have",
        "administers": "it is a member of sudo, wheel or admin as well",
    },
)
def group_members(collected: CollectionReader) -> Iterator[Row]:
    """Members of groups whose rights amount to root's."""
    numbers: dict[str, int] = {}
    first: dict[int, list[str]] = {}
    for row in accounts(collected):
        name = str(row.fields["name"])
        if collected.meter.hold("accounts", name):
            numbers[name] = int(row.fields["uid"])
            first.setdefault(int(row.fields["gid"]), []).append(name)
    groups: list[tuple[int, list[str]]] = []
    powerful: dict[int, str] = {}
    for member in collected.members("configuration"):
        if member.name == "/etc/group" and member.kind == "file":
            for number, text in text_of(member):
                fields = text.split(":")
                if len(fields) <= 3:
                    continue
                gid = parse_int(fields[2], 10)
                if gid is not None and fields[0] in POWERS:
                    powerful.setdefault(gid, fields[0])
                if collected.meter.hold("groups", text):
                    groups.append((number, fields))
    administers = {name for _, fields in groups if fields[0] in _ADMINISTERS for name in fields[3].split(",")}
    for number, fields in groups:
        gid = parse_int(fields[2], 10)
        known = fields[0] if fields[0] in POWERS else powerful.get(-1 if gid is None else gid, "")
        if not known:
            continue
        primary = first.get(gid, []) if gid else []
        for name in dict.fromkeys((*fields[3].strip().split(","), *primary)):
            if name and name != "root" and name != fields[0]:
                uid = numbers.get(name, -1)
                held: Fields = {"group": fields[0], "member": name, "uid": uid, "service": 0 < uid < 1000}
                held |= {"power": POWERS[known], "administers": name in administers, "of": known}
                yield Row(held, Place("configuration", number, "/etc/group"))
