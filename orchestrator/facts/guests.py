"""The guests of a hypervisor or container host: which device of the host is which guest's port, by configuration.

The hypervisor's own tools tell, never the guest: a guest can send frames under any address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stopgap.orchestrator.facts.guest_tools import LINKS, GuestPortFact, links_down, ports
from stopgap.orchestrator.facts.reader import Output, Reader, UnreadableError

SECTION = "\036"
"""Begins the line before the output of each tool; no tool prints the character."""

_VIRSH = """\
    asked= links=
    for i in $(within virsh -q -r list --uuid); do
        case $i in *[!0-9a-f-]*) continue ;; esac
        asked="$asked echo -- $i; domname $i; domiflist $i;" links="$links dumpxml $i; dumpxml --inactive $i;"
    done
    if [ -n "$asked" ]; then within virsh -q -r "$asked"; say virsh-links
        within virsh -q -r "$links" | sed -n '/<uuid>/p; /<mac address=/p; /<link state=/p'
    fi
"""
_CONTAINERS = """\
    known=$(within $e ps -q) && [ -n "$known" ] && within $e inspect -f "$form" $known |
        while read -r pid id name rest; do
            [ "$pid" -gt 0 ] && [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ] || continue
            echo "container $id $name $rest"
            nsenter --target "$pid" --net ip -o link show | while read -r index device flags; do
                index=${index%:} far=${device##*@if}
                for d in /sys/class/net/*; do
                    read -r i <"$d/ifindex" && read -r l <"$d/iflink" || continue
                    if [ "$i $l" = "${far%:} $index" ]; then echo "port ${d##*/} ${flags##*link/ether }"; fi
                done
            done
        done
"""
_SCRIPT = f"""\
within() {{ if command -v timeout >/dev/null; then timeout 4 "$@"; else "$@"; fi; }}
say() {{ printf '\\036%s\\n' "$*"; }}
if command -v virsh >/dev/null; then say virsh
{_VIRSH}fi
for f in /etc/pve/qemu-server/*.conf /etc/pve/lxc/*.conf; do [ -e "$f" ] || continue
    say pve "${{f#/etc/pve/}}"; sed -n -e '/^\\[/q' -e '/^\\(name\\|hostname\\|net[0-9]*\\|ipconfig[0-9]*\\):/p' "$f"
done
for e in incus lxc; do command -v $e >/dev/null || continue
    say $e; within $e query '/1.0/instances?recursion=2&all-projects=true'
done
form='{{{{.State.Pid}}}} {{{{.Id}}}} {{{{.Name}}}}{{{{range .NetworkSettings.Networks}}}} {{{{.IPAddress}}}} \
{{{{.GlobalIPv6Address}}}}{{{{end}}}}'
for e in docker podman; do command -v $e >/dev/null || continue; say $e
{_CONTAINERS}done
if command -v xl >/dev/null; then say xl
    within xl list | while read -r name id rest; do
        case $id in ID | 0 | *[!0-9]*) ;; *) echo "domain $id $name"; within xl network-list "$id" ;; esac
    done
fi
if command -v ovs-vsctl >/dev/null; then say ovs
    within ovs-vsctl --format=json --columns=name,external_ids list Interface
fi
true"""


@dataclass(frozen=True)
class Guests(Reader[tuple[GuestPortFact, ...]]):
    """Read the ports of every running guest from each hypervisor and container tool on the host."""

    deadline: ClassVar[float] = 20.0
    cap: ClassVar[int] = 16 << 20

    def script(self) -> str:
        """Return the script: a section for each tool found; a tool without an answer prints none."""
        return f"{{ {_SCRIPT}; }} 2>/dev/null"

    def parse(self, output: Output) -> tuple[GuestPortFact, ...]:
        """Parse the sections; raises UnreadableError."""
        if output.status is None or output.truncated:
            raise UnreadableError("the hypervisor's tools gave no complete answer")
        try:
            sections = output.stdout.decoded().split(SECTION)[1:]
            of_links = [section for section in sections if section.startswith(LINKS)]
            found = [port for section in sections if section not in of_links for port in ports(section)]
            down = frozenset[tuple[str, str]]().union(*map(links_down, of_links))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            raise UnreadableError("a hypervisor's tool printed something else than its guests") from None
        told = (
            port.model_copy(update={"shut": True}) if (*port.also[:1], port.link_address) in down else port
            for port in found
        )
        return tuple(dict.fromkeys(told))
