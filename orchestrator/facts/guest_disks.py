"""The disks of a libvirt hypervisor's running guests, by configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stopgap.orchestrator.facts.guest_tools import is_uuid
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError

_UUID = 36
"""Characters of a UUID."""
_SCRIPT = """\
command -v virsh >/dev/null || exit 0
asked=
for i in $(virsh -q -r list --uuid); do
    case $i in *[!0-9a-f-]*) continue ;; esac
    asked="$asked echo $i; domblklist --details $i;"
done
[ -z "$asked" ] || virsh -q -r "$asked"
"""


class GuestDiskFact(Fact):
    """One disk of a guest."""

    guest: str
    """The guest's UUID."""
    target: str
    """The disk's name in the guest's configuration, such as `vda`."""
    source: str = ""
    """The file or device on the hypervisor; empty without one."""
    kind: str = ""
    """`file`, `block`, `network` … (libvirt's domain XML)."""
    device: str = ""
    """`disk`, `cdrom`, `floppy` or `lun`."""


@dataclass(frozen=True)
class GuestDisks(Reader[tuple[GuestDiskFact, ...]]):
    """Read the disks of every running guest from libvirt; none where libvirt is not there."""

    deadline: ClassVar[float] = 20.0
    cap: ClassVar[int] = 4 << 20

    def script(self) -> str:
        """Return the script: for each guest its UUID, then a line for each disk."""
        return f"{{ {_SCRIPT}}} 2>/dev/null"

    def parse(self, output: Output) -> tuple[GuestDiskFact, ...]:
        """Parse virsh's lines: `KIND DEVICE TARGET SOURCE`; raises UnreadableError."""
        if output.status is None or output.truncated:
            raise UnreadableError("virsh did not list the guests' disks in time")
        found, guest = [], ""
        for line in output.stdout.lines():
            # virsh's `echo` ends no line: the first disk follows the UUID at once.
            begin = line[:_UUID].strip()
            guest, rest = (begin, line[_UUID:]) if is_uuid(begin) else (guest, line)
            words = rest.split(None, 3)
            if len(words) == 4 and guest:
                kind, device, target, source = words
                source = "" if source == "-" else source.rstrip()
                found.append(GuestDiskFact(guest=guest, target=target, source=source, kind=kind, device=device))
        return tuple(found)
