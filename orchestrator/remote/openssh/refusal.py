"""What ssh(1) says of a failed connection, as one line for the operator, of the same kinds as over any transport."""

from __future__ import annotations

import re

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote.session import Kind, Unreachable
from stopgap.orchestrator.text import tr, trn

_OWN = re.compile(
    r"debug\d: |OpenSSH_|Warning: |@+$|Connection (?:closed|reset|to) |(?:\S+: )?Permission denied|kex_exchange_|"
    r"Killed by signal|stdio forwarding|channel \d|mux_|client_loop|Timeout, server|"
    r"banner exchange|Received disconnect|Disconnected from|Unable to negotiate|ssh: |ssh_"
)
"""Lines that ssh(1) itself writes; others are of the server's banner."""
_HOST_KEY = re.compile(r"^debug1: Server host key: (\S+) (SHA256:[A-Za-z0-9+/]{43})", re.MULTILINE)
_HUNG_UP = re.compile(r"Connection (?:closed|reset) by |Connection closed by remote host|[Bb]roken pipe")
_ON_THE_WAY = re.compile(
    r"Permission denied|Host key verification failed|stdio forwarding failed|Connection refused|Could not resolve"
)
"""What a jump host, or the way to a jump host, may say before the connection closes."""
_BANNER = 160
"""Characters shown of a banner."""
_AUTHENTICATES = "SSH2_MSG_SERVICE_ACCEPT"
_REMOTE_VERSION = "debug1: Remote protocol version"


def shown_key(said: str) -> tuple[str, str] | None:
    """Return type and fingerprint of the server's host key, as ssh(1) reports the first key exchange."""
    found = _HOST_KEY.search(said)
    return (found[1], found[2]) if found else None


def hung_up(said: str) -> bool:
    """Return True for a server that closed before its version line, as sshd does beyond MaxStartups."""
    return bool(_HUNG_UP.search(said)) and _REMOTE_VERSION not in said and not _ON_THE_WAY.search(said)


def refusal(host: Host, known_hosts: str, said: str) -> Unreachable:
    """Return the reason for a failed connection, from the standard error of ssh(1)."""
    reason, kind = _reason(host, known_hosts, said)
    return Unreachable(host.name, reason[:600], kind)


def _reason(host: Host, known_hosts: str, said: str) -> tuple[str, Kind]:
    if "Host key verification failed" in said or "REMOTE HOST IDENTIFICATION HAS CHANGED" in said:
        return _host_key(known_hosts, said), "host-key"
    if found := re.search(r"no matching (.+?) found\. Their offer: (.*)", said):
        allowed = tr("allow one in ~/.ssh/config, and set `ssh_config: true`")
        offer = found[2].strip()[:300]
        return tr(
            "no algorithm in common: no matching {found}; it offers {offer}; {allowed}",
            found=found[1],
            offer=offer,
            allowed=allowed,
        ), "protocol"
    if found := re.search(r"^(?:(\S+): )?Permission denied \(([^)]*)\)", said, re.MULTILINE):
        return _auth(host, found[1] or "", found[2], said), "auth"
    if "Too many authentication failures" in said:
        return tr("{said}; name one `identity`", said=_last(said)), "auth"
    if "Could not resolve hostname" in said:
        return _last(said), "name"
    if "Connection refused" in said:
        return tr("port {port} refuses connections", port=host.port), "refused"
    if "stdio forwarding failed" in said:
        return tr(
            "its jump host does not let through to {address} port {port}", address=host.address, port=host.port
        ), "network"
    if hung_up(said):
        return tr("the server accepts connections and hangs up (MaxStartups, or its access rules)"), "protocol"
    if "Bad configuration option" in said or "bad configuration options" in said:
        return _last(said), "identity"
    if re.search(r"connect to host .* port \d+: ", said):
        return _last(said), "network"
    if _AUTHENTICATES in said:
        return tr("the server hung up during authentication{said}", said=_banner(said)), "auth"
    return tr("ssh(1) gives no session: {said}", said=_last(said)), "protocol"


def _host_key(known_hosts: str, said: str) -> str:
    key = shown_key(said)
    named = re.search(r"host key is known for (\S+?)\.? and|Host key for (\S+) has changed", said)
    of_jump = (
        tr("the host key of a jump host on the way, {named}", named=named[1] or named[2])
        if named
        else tr("a host key")
    )
    shown = f"{key[1]} ({key[0]})" if key else of_jump
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in said:
        between = tr("somebody may sit in between, or the host was set up anew. Nothing was sent")
        return tr(
            "HOST KEY CHANGED: it shows {shown}, but {known_hosts} pins another; {between}",
            shown=shown,
            known_hosts=known_hosts,
            between=between,
        )
    if "revoked" in said:
        return tr("its host key {shown} is revoked in {known_hosts}", shown=shown, known_hosts=known_hosts)
    if found := re.search(r"(Certificate invalid: .*)", said):
        return tr("its host certificate {shown} is not valid: {found}", shown=shown, found=found[1].strip())
    where = tr("compare it with the host's own (ssh-keygen -lf on its console), then pin it in")
    return tr("unknown host key {shown}; {where} {known_hosts}", shown=shown, where=where, known_hosts=known_hosts)


def _auth(host: Host, where: str, methods: str, said: str) -> str:
    if _AUTHENTICATES not in said:  # ssh(1) tells nothing further of a jump host
        return tr(
            "a jump host on the way does not let in: {where}, which takes {methods}",
            where=where,
            methods=methods[:100],
        )
    partial = "with partial success" in said
    if partial or "publickey" not in methods.split(","):
        return tr(
            "a key alone does not open it; it asks {user} for {split}",
            user=host.user,
            split=", ".join(methods.split(","))[:100],
        )
    offered = dict.fromkeys(
        re.findall(r"^debug1: Offering public key: .*?(SHA256:[A-Za-z0-9+/]{43})", said, re.MULTILINE)
    )
    keys = (
        trn(" with the key {offered}", " with the keys {offered}", len(offered), offered=", ".join(offered))
        if offered
        else ""
    )
    return tr("it does not let {user} in{keys}{said}", user=host.user, keys=keys, said=_banner(said))


def _banner(said: str) -> str:
    """Return the last line of the server's banner (RFC 4252, 5.4), such as an account that has expired."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not _OWN.match(line)]
    return tr("; it says: {lines}", lines=lines[-1][:_BANNER]) if lines else ""


def _last(said: str) -> str:
    lines = [
        line.strip()
        for line in said.splitlines()
        if line.strip() and not line.startswith(("debug1: ", "OpenSSH_", "@"))
    ]
    return lines[-1] if lines else tr("no reason given")
