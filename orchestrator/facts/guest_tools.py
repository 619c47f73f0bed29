"""The output of hypervisor and container tools, parsed into the ports of guests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Literal, TypeAlias

from stopgap.orchestrator.facts.reader import Fact
from stopgap.orchestrator.hostnumber import parse_json

GuestTool: TypeAlias = Literal["virsh", "pve", "incus", "lxd", "docker", "podman", "xl", "ovs"]
"""Source of a guest's configuration: virsh(1), /etc/pve of Proxmox VE, `incus query`, `lxc query`, `docker inspect`,
`podman inspect`, xl(1), ovs-vsctl(8).
"""
_LINK_ADDRESS = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DEVICE = re.compile(r"[A-Za-z0-9_.@:+-]{1,15}")
"""A name of a network device: 15 characters at most (if.h, IFNAMSIZ); stranger names stand in no ruleset."""
_GUEST_KEYS = ("vm-id", "vm-uuid", "xs-vm-uuid", "iface-id")
"""Keys of `external_ids` that name the guest of an Open vSwitch interface (IntegrationGuide of Open vSwitch)."""
LINKS = "virsh-links"
"""The section with the lines of `virsh dumpxml` that tell of links."""
MOST = 4096
"""Most ports of one tool."""


class GuestPortFact(Fact):
    """One network interface of a guest."""

    tool: GuestTool
    guest: str
    """The guest's name."""
    also: tuple[str, ...] = ()
    """Further names: UUID, number, `PROJECT/NAME`."""
    device: str = ""
    """The port on the host; empty for an interface past the host's network (PCI passthrough)."""
    socket: bool = False
    """The port is served by a program of the host, not by its kernel (vhost-user)."""
    passed_through: bool = False
    """The interface is a card's own, handed to the guest (PCI passthrough, SR-IOV)."""
    shut: bool = False
    """The link of the virtual card is down, now and at the next start (virsh(1), qm(1))."""
    link_address: str = ""
    """The link-layer address by configuration, in lower case."""
    addresses: tuple[IPv4Address | IPv6Address, ...] = ()
    """IP addresses by configuration; most tools record none."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name of the guest."""
        return (self.guest, *self.also)


def is_uuid(text: str) -> bool:
    """Return True for a UUID as libvirt writes it."""
    return bool(_UUID.fullmatch(text))


def links_down(section: str) -> frozenset[tuple[str, str]]:
    """Return UUID and link-layer address of each interface whose link is down, by lines of `virsh dumpxml`.

    Each domain comes twice: as it runs, and as it is configured; down is what both have down.
    """
    seen, down, uuid, card = dict[tuple[str, str], int](), dict[tuple[str, str], int](), "", ""
    for line in section.partition("\n")[2].splitlines():
        if found := re.search(r"<uuid>([0-9a-f-]+)</uuid>", line):
            uuid, card = found[1], ""
        elif found := re.search(r"<mac address='([0-9A-Fa-f:]+)'", line):
            card = _link(found[1])
            seen[uuid, card] = seen.get((uuid, card), 0) + 1
        elif "<link state='down'/>" in line and card:
            down[uuid, card] = down.get((uuid, card), 0) + 1
    return frozenset(each for each, times in down.items() if times == seen[each])


def ports(section: str) -> Iterator[GuestPortFact]:
    """Yield the ports of a section: a line `TOOL [FILE]`, then the tool's output. Raises ValueError and the like."""
    head, _, text = section.partition("\n")
    tool, _, about = head.partition(" ")
    if not text.strip():
        return
    match tool:
        case "virsh":
            found = _virsh(text.splitlines())
        case "pve":
            found = _pve(about, text.splitlines())
        case "incus":
            found = _instances("incus", parse_json(text))
        case "lxc":
            found = _instances("lxd", parse_json(text))
        case "docker" | "podman":
            found = _containers(tool, text.splitlines())
        case "xl":
            found = _xl(text.splitlines())
        case "ovs":
            found = _ovs(parse_json(text))
        case _:
            raise ValueError(tool)
    for n, port in enumerate(found):
        if n == MOST or not port.guest:
            raise ValueError("more ports than a host has, or a port of nobody")
        yield port


def _virsh(lines: Iterable[str]) -> Iterator[GuestPortFact]:
    """Parse, for each domain, its UUID, its name, and `domiflist`: interface, type, source, model, MAC.

    virsh's `echo` ends no line, so that the name follows the UUID at once.
    """
    uuid = name = ""
    for line in lines:
        words = line.split()
        if (found := _UUID.match(line.strip())) and (name or not uuid):
            uuid, name = found[0], line.strip().removeprefix(found[0]).strip()
        elif uuid and not name and words:
            name = line.strip()
        elif len(words) >= 5 and (link := _link(words[-1])):
            handed = words[1] == "hostdev"
            yield GuestPortFact(
                tool="virsh",
                guest=name,
                also=(uuid,),
                device="" if handed else _device(words[0]),
                socket=words[1] == "vhostuser",
                passed_through=handed,
                link_address=link,
            )


def _pve(file: str, lines: Iterable[str]) -> Iterator[GuestPortFact]:
    """Parse a guest's file (qm.conf(5), pct.conf(5)): ports are `tapIDiN` of machines, `vethIDiN` of containers."""
    kind, _, rest = file.partition("/")
    number = rest.removesuffix(".conf")
    if not number.isdecimal():
        raise ValueError(file)
    values = {key: value for key, colon, value in (line.partition(": ") for line in lines) if colon}
    name = values.get("name", values.get("hostname", number)).strip()
    for key, value in values.items():
        if not (key.startswith("net") and key[3:].isdecimal()):
            continue
        options = dict(word.split("=", 1) for word in value.strip().split(",") if "=" in word)
        links = [link for word in options.values() if (link := _link(word))]
        ip = dict(w.split("=", 1) for w in values.get(f"ipconfig{key[3:]}", "").strip().split(",") if "=" in w)
        told = [source.get(family, "") for source in (options, ip) for family in ("ip", "ip6")]
        yield GuestPortFact(
            tool="pve",
            guest=name,
            also=() if name == number else (number,),
            device=f"{'veth' if kind == 'lxc' else 'tap'}{number}i{key[3:]}",
            link_address=links[0] if links else "",
            shut=options.get("link_down") == "1",
            addresses=_addresses(word.partition("/")[0] for word in told),
        )


def _instances(tool: Literal["incus", "lxd"], document: Any) -> Iterator[GuestPortFact]:  # noqa: ANN401
    """Parse instances with their state: `host_name` is the port (instances.md of Incus, `InstanceStateNetwork`)."""
    for instance in document:
        name, project = str(instance["name"]), str(instance.get("project", "default"))
        networks = (instance.get("state") or {}).get("network") or {}
        known = instance.get("expanded_devices") or {}
        for device, network in networks.items():
            port, link = _device(str(network.get("host_name", ""))), _link(str(network.get("hwaddr", "")))
            if port and link:
                own = [nic for nic in known.values() if nic.get("name", "") == device and nic.get("type") == "nic"]
                given = [str(nic.get(f"{family}.address", "")) for nic in own for family in ("ipv4", "ipv6")]
                yield GuestPortFact(
                    tool=tool,
                    guest=name,
                    also=(f"{project}/{name}",),
                    device=port,
                    link_address=link,
                    addresses=_addresses(given),
                )


def _containers(tool: Literal["docker", "podman"], lines: Iterable[str]) -> Iterator[GuestPortFact]:
    """Parse `container ID NAME ADDRESS…`, then `port DEVICE LINK-ADDRESS …` for each interface of the container."""
    name, also, told = "", (), ()  # type: tuple[str, tuple[str, ...], tuple[IPv4Address | IPv6Address, ...]]
    for words in (line.split() for line in lines):
        if words[:1] == ["container"]:
            name, also, told = words[2].lstrip("/"), (words[1], words[1][:12]), _addresses(words[3:])
        elif words[:1] == ["port"] and name:
            yield GuestPortFact(
                tool=tool,
                guest=name,
                also=also,
                device=_device(words[1]),
                link_address=_link(words[2]),
                addresses=told,
            )


def _xl(lines: Iterable[str]) -> Iterator[GuestPortFact]:
    """Parse `domain ID NAME`, then the rows of `xl network-list`: Idx BE Mac handle …; ports are `vifID.HANDLE`."""
    number = name = ""
    for words in (line.split() for line in lines):
        if words[:1] == ["domain"] and len(words) == 3:
            number, name = words[1:]
        elif number and len(words) > 3 and (link := _link(words[2])) and words[3].isdecimal():
            yield GuestPortFact(
                tool="xl", guest=name, also=(number,), device=f"vif{number}.{words[3]}", link_address=link
            )


def _ovs(document: Any) -> Iterator[GuestPortFact]:  # noqa: ANN401
    """Parse the interfaces with an `attached-mac`, in the JSON of ovs-vsctl (RFC 7047, section 5.1)."""
    for name, (_, pairs) in document["data"]:
        told = {str(key): str(value) for key, value in pairs}
        names = tuple(dict.fromkeys(told[key] for key in _GUEST_KEYS if told.get(key)))
        if names and (link := _link(told.get("attached-mac", ""))):
            yield GuestPortFact(
                tool="ovs", guest=names[0], also=names[1:], device=_device(str(name)), link_address=link
            )


def _link(word: str) -> str:
    """Return a link-layer address in lower case; empty for another word."""
    lower = word.lower()
    return lower if _LINK_ADDRESS.fullmatch(lower) else ""


def _device(word: str) -> str:
    return word if _DEVICE.fullmatch(word) and word != "-" else ""


def _addresses(words: Iterable[str]) -> tuple[IPv4Address | IPv6Address, ...]:
    """Return the addresses among the words; `dhcp`, `auto`, `none` and empty words are none."""
    found = []
    for word in words:
        try:
            found.append(ip_address(word.partition("/")[0]))
        except ValueError:
            continue
    return tuple(dict.fromkeys(found))
