"""What is said over the transport `openssh`, where ssh(1) words a failure otherwise or goes on for longer."""

from __future__ import annotations

from collections.abc import Mapping

_NO_SSH = r"unreachable \(protocol\): ssh\(1\) gives no session: "
_SILENT = "unknown, unknown: the host took the script and stayed silent"

OVER_OPENSSH: Mapping[str, str] = {
    "banner without end, one line": _NO_SSH + "banner exchange: .*invalid format",
    "another protocol, with terminal escapes": _NO_SSH + "banner exchange: .*invalid format",
    "terminal escapes, bidi and NUL in its version": _NO_SSH + "banner exchange: .*invalid format",
    "4 GiB packet length": _NO_SSH + ".*",
    # ssh(1) takes zlib@openssh.com where a server has nothing else; its memory is capped.
    "compression alone, for a bomb": r"unreachable \(auth\): a key alone does not open it",
    "an offer of 21 000 algorithms": _SILENT,
    "4 294 967 295 extensions, in five bytes": _SILENT,
    "an extension that is longer than its message": _SILENT,
    "extensions of 200 kB again and again": r"unreachable \((auth|protocol|timeout)\)",
    "terminal escapes in the names of ways to log in": r"unreachable \(auth\): .*\\033",
    "jump host floods the tunnel": r"unreachable \((network|protocol|timeout)\)",
    "silent when a channel is opened": _SILENT,
    "refuses every channel": "unknown, unknown: no POSIX shell answered",
}
"""Name of the scenario → a regular expression that what Stopgap says must match."""
