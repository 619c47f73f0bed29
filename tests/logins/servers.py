"""The SSH servers of the box: 23 configurations of sshd(8), dropbear and tinysshd, and what is said of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

IN = "in as root"
_LEGACY = (
    "HostKey /etc/ssh/ssh_host_rsa_key",
    "HostKeyAlgorithms ssh-rsa",
    "PubkeyAcceptedAlgorithms ssh-rsa",
    "KexAlgorithms diffie-hellman-group-exchange-sha1,diffie-hellman-group14-sha1,diffie-hellman-group1-sha1",
    "Ciphers aes128-ctr,aes192-ctr,aes256-ctr,aes128-cbc,3des-cbc",
    "MACs hmac-sha1,umac-64@openssh.com,hmac-sha1-96",
    "RequiredRSASize 1024",
)


@dataclass(frozen=True)
class Server:
    """One server of the box."""

    port: int
    about: str
    expect: str
    lines: tuple[str, ...] = ()
    """Of sshd_config(5)."""
    openssh: str = ""
    """What the transport `openssh` comes to, where that is another answer."""
    inventory: Mapping[str, str] = field(default_factory=dict)


def _none_in_common(kind: str) -> str:
    return rf"unreachable \(protocol\): .*{kind}.*transport: openssh.*"


SERVERS: tuple[Server, ...] = (
    Server(2201, "sshd as Debian has it", IN),
    Server(2202, "one session at a time (MaxSessions 1)", IN, ("MaxSessions 1",)),
    Server(2203, "one login at a time (MaxStartups 1)", IN, ("MaxStartups 1:100:1",)),
    Server(
        2204,
        "SHA-1 alone, as CentOS 6 and 7.2",
        _none_in_common("key exchange"),
        _LEGACY,
        r"unreachable \(protocol\): .*no matching key exchange method; it offers .*~/\.ssh/config.*",
    ),
    Server(2205, "ML-KEM alone", IN, ("KexAlgorithms mlkem768x25519-sha256",), rf"{IN}|.*it offers mlkem768x25519.*"),
    Server(
        2206,
        "sntrup761 alone",
        _none_in_common("key exchange"),
        ("KexAlgorithms sntrup761x25519-sha512@openssh.com",),
        IN,
    ),
    Server(2207, "chacha20 alone", _none_in_common("cipher"), ("Ciphers chacha20-poly1305@openssh.com",), IN),
    Server(2208, "no forwarding", IN, ("AllowTcpForwarding no",)),
    Server(
        2209,
        "a second factor",
        r"unreachable \(auth\): a key alone does not open it.*",
        ("AuthenticationMethods publickey,keyboard-interactive", "KbdInteractiveAuthentication yes"),
    ),
    Server(
        2210,
        "no keys",
        r"unreachable \(auth\): a key alone does not open it.*",
        ("AuthenticationMethods keyboard-interactive", "KbdInteractiveAuthentication yes"),
    ),
    Server(
        2211,
        "a host certificate and user certificates",
        IN,
        (
            "HostKey /etc/ssh/certhost",
            "HostCertificate /etc/ssh/certhost-cert.pub",
            "TrustedUserCAKeys /etc/ssh/user_ca.pub",
            "AuthorizedKeysFile none",
        ),
        inventory={"identity": "certified", "known_hosts": "authorities"},
    ),
    Server(
        2212,
        "group exchange alone",
        _none_in_common("key exchange"),
        ("KexAlgorithms diffie-hellman-group-exchange-sha256",),
        IN,
    ),
    Server(2213, "a banner of 400 lines", IN, ("Banner /etc/ssh/bigbanner",)),
    Server(2214, "curve25519 by its newer name alone", IN, ("KexAlgorithms curve25519-sha256",)),
    Server(2215, "names looked up (UseDNS)", IN, ("UseDNS yes",)),
    Server(2216, "an RSA host key alone", IN, ("HostKey /etc/ssh/ssh_host_rsa_key",)),
    Server(2217, "dropbear", IN),
    Server(2218, "tinysshd", _none_in_common("cipher"), (), IN),
    Server(
        2219,
        "one cipher, one MAC",
        IN,
        ("MACs hmac-sha2-512-etm@openssh.com,umac-128-etm@openssh.com", "Ciphers aes256-ctr"),
    ),
    Server(2220, "one attempt, three seconds", IN, ("MaxAuthTries 1", "LoginGraceTime 3")),
    Server(
        2221, "idle connections end after two seconds", IN, ("UnusedConnectionTimeout 2", "ChannelTimeout session=3")
    ),
    Server(
        2222,
        "another account alone (AllowUsers)",
        r"unreachable \(auth\): it does not let root in with the key SHA256:\S+",
        ("AllowUsers nobody",),
    ),
    Server(
        2223,
        "no SHA-2 for RSA, curve25519 by its older name",
        IN,
        (
            "HostKeyAlgorithms ssh-rsa,ecdsa-sha2-nistp256,ssh-ed25519",
            "PubkeyAcceptedAlgorithms ssh-rsa,ecdsa-sha2-nistp256,ssh-ed25519",
            "KexAlgorithms curve25519-sha256@libssh.org,ecdh-sha2-nistp256,diffie-hellman-group14-sha1",
        ),
    ),
    Server(
        2224, "group 18 alone", _none_in_common("key exchange"), ("KexAlgorithms diffie-hellman-group18-sha512",), IN
    ),
    Server(2225, "compression, new keys every megabyte", IN, ("Compression delayed", "RekeyLimit 1M 10s")),
)
