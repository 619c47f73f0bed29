"""Which files an artifact takes, as words for find(1); paths begin with `./`, and a `*` stands for `/` too."""

from __future__ import annotations

from tasks.evidence.source import Word


def named(*patterns: str) -> tuple[Word, ...]:
    """Words for find(1): the last part of the path is one of these."""
    return _any_of("-name", *patterns)


def without(*patterns: str) -> tuple[Word, ...]:
    """Words for find(1): the path is none of these."""
    return tuple(word for pattern in patterns for word in ("!", "-path", pattern))


def _any_of(test: str, *patterns: str) -> tuple[Word, ...]:
    words = [word for pattern in patterns for word in ("-o", test, pattern)]
    return ("(", *words[1:], ")")


SECRETS = without(
    "*/shadow*",
    "*/gshadow*",
    "*/opasswd*",
    "*/ssh_host_*_key",
    "*/id_[rde]*[!b]",
    "*.pem",
    "*/private/*",
    "*privkey*",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keytab",
    "*.kdbx",
    "*secret*",
    "*/sasl_passwd*",
    "*/wireguard/*.conf",
    "*/system-connections/*",
    "*/.netrc",
    "*/.pgpass",
    "*/.my.cnf",
    "*/debian.cnf",
)
"""Private keys, password hashes and files made for passwords: they tell an investigator nothing that their metadata
does not, and whoever holds the evidence would hold them. `[!b]` spares public keys, which end in `.pub`."""

SSH = named("authorized_keys*", "known_hosts*", "config", "rc", "environment", "*.pub")

CODE = named(
    "*.ph[pt]*",
    "*.inc",
    "*.phar",
    "*.cgi",
    "*.p[ly]",
    "*.sh",
    "*.jsp*",
    "*.as[ph]*",
    "*.shtml",
    ".htaccess",
    ".user.ini",
    "php.ini",
)
SHOWN = _any_of("-path", "*/*upload*/*", "*/tmp/*", "*/cache/*", "*/images/*", "*/files/*")
"""Directories of a web site that hold what visitors bring or see, and no program."""

DATA = without(
    "./boot/*",
    "./dev/*",
    "./run/*",
    "./tmp/*",
    "./usr/share/doc/*",
    "./usr/share/man/*",
    "./var/cache/*",
    "./var/lib/*",
    "./var/log/*",
    "./var/mail/*",
    "./var/spool/*",
    "./var/tmp/*",
    "*/Maildir/*",
    "*/.ssh/*",
)
"""Paths whose files change all day, are data and no programs, or are taken with more care elsewhere."""
