"""Fifty accounts as sites have them, and what Stopgap says of a login as each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

IN = r"in as \S+"
ROOT = "in as root"
PASSWORD = "words-of-the-operator"
"""Of the account `sudopw`, for sudo."""


@dataclass(frozen=True)
class Account:
    """One account of the box."""

    name: str
    about: str
    expect: str
    """A regular expression that the answer must match whole."""
    shell: str = "/bin/bash"
    files: Mapping[str, str] = field(default_factory=dict)
    """Files of the home folder."""
    options: str = ""
    """Before the key in authorized_keys (sshd(8))."""
    shadow: str = "*:19000:0:99999:7:::"
    """Fields of shadow(5) behind the name; `{hash}` stands for a password's hash."""
    home_mode: int = 0o755
    inventory: Mapping[str, str] = field(default_factory=dict)
    """Keys of its host in an inventory."""
    sudoers: str = ""


def rc(text: str) -> dict[str, str]:
    """Give a .bashrc, which bash reads when sshd starts it."""
    return {".bashrc": text}


_SUDO = {"become": "sudo"}
_SOON = {"first_word_timeout": "3s"}
"""Of what stays silent for longer than anybody waits."""
_ALL = "{name} ALL=(ALL) NOPASSWD: ALL"
_REFUSED = r"unreachable \(auth\): it does not let \w+ in with the key SHA256:\S+"
_NO_SHELL = r"unreachable \(shell\): "

ACCOUNTS: tuple[Account, ...] = (
    Account("bash", "bash", IN),
    Account("dash", "dash", IN, "/bin/dash"),
    Account("tcsh", "tcsh", IN, "/usr/bin/tcsh"),
    Account("fish", "fish", IN, "/usr/bin/fish"),
    Account("zsh", "zsh", IN, "/usr/bin/zsh"),
    Account("mksh", "mksh", IN, "/usr/bin/mksh"),
    Account("ash", "busybox's ash", IN, "/usr/bin/ash"),
    Account("rbash", "bash, restricted", _NO_SHELL + ".*restricted.*", "/bin/rbash"),
    Account("rzsh", "zsh, restricted", _NO_SHELL + ".*restricted.*", "/usr/bin/rzsh"),
    Account(
        "noisy",
        "a login file that writes to both streams, with terminal escapes",
        IN,
        files=rc("echo 'AUTHORISED USE ONLY'; echo 'module load failed' >&2; printf '\\033]0;t\\007\\033[31mred'\n"),
    ),
    Account(
        "noisymuch",
        "a login file that prints 200 KB",
        _NO_SHELL + ".*too much text.*",
        files=rc("head -c 200000 /dev/zero | tr '\\0' '#'\n"),
    ),
    Account(
        "tcshnoisy",
        "tcsh, with output, a path of its own and stty",
        IN,
        "/usr/bin/tcsh",
        {".tcshrc": "echo hello from tcshrc\nset path=(/bin)\nstty erase ^H\n"},
    ),
    Account(
        "zshnoisy",
        "zsh, which joins both streams",
        r"unknown: .*a frame out of order.*joins both streams.*",
        "/usr/bin/zsh",
        {".zshenv": "echo hello; exec 2>&1\n"},
    ),
    Account("fishnoisy", "fish, with output", IN, "/usr/bin/fish", {".config/fish/config.fish": "echo hi there\n"}),
    Account(
        "rctmux",
        "a login file that starts tmux",
        _NO_SHELL + ".*not a terminal.*",
        files=rc("exec tmux new -A -s main\n"),
    ),
    Account(
        "rcscreen", "a login file that starts screen", _NO_SHELL + ".*terminal.*", files=rc("exec screen -xRR\n")
    ),
    Account(
        "rcfish",
        "a login file that starts another shell",
        _NO_SHELL + ".*stayed silent.*first_word_timeout.*",
        files=rc("exec fish\n"),
        inventory=_SOON,
    ),
    Account(
        "rcexit",
        "a login file that ends",
        _NO_SHELL + ".*no POSIX shell answered.*take an account with /bin/sh.*",
        files=rc("exit 1\n"),
    ),
    Account(
        "rcread",
        "a login file that reads from the terminal",
        IN,
        files=rc('read -p "Ticket number: " ticket; echo "logged $ticket"\n'),
    ),
    Account(
        "rcsleep",
        "a login file that takes longer than the first word may",
        _NO_SHELL + ".*first_word_timeout.*",
        files=rc("sleep 12\n"),
        inventory=_SOON,
    ),
    Account(
        "rcset",
        "set -eu, failglob, aliases, another locale, IFS",
        IN,
        files=rc(
            "set -eu\nset -o noclobber\nshopt -s failglob\nalias cat=bat ls='ls --color=always'\n"
            "export LANG=ja_JP.eucJP LC_ALL=ja_JP.eucJP POSIXLY_CORRECT=1 GREP_OPTIONS=--color=always IFS=:\n"
        ),
    ),
    Account(
        "rcumask",
        "no process more, 16 files, umask 0777",
        _NO_SHELL + ".*no further process.*",
        files=rc("ulimit -n 16; ulimit -u 1; umask 0777\n"),
    ),
    Account("tmout", "TMOUT, PATH and LC_ALL read-only", IN, files=rc("readonly TMOUT=1; export TMOUT\n")),
    Account("tmoutro", "TMOUT of two seconds", IN, files=rc("export TMOUT=2\n")),
    Account("nologin", "nologin", _NO_SHELL + ".*not available.*", "/usr/sbin/nologin"),
    Account(
        "false",
        "false for a shell",
        _NO_SHELL + ".*no POSIX shell answered.*take an account with /bin/sh.*",
        "/bin/false",
    ),
    Account("gone", "a shell that is not installed", _REFUSED, "/opt/vendor/bin/menu"),
    Account(
        "menu",
        "a menu for a shell",
        _NO_SHELL + ".*stayed silent.*a program stands in place of a shell.*",
        "/usr/local/bin/menu",
        inventory=_SOON,
    ),
    Account("forced", "a forced command", _NO_SHELL + ".*backup only.*", options='command="/bin/echo backup only" '),
    Account("restrict", "a key with `restrict`", IN, options="restrict "),
    Account("fromip", "a key for another address", _REFUSED, options='from="192.0.2.0/24" '),
    Account("wrapped", "a recorder around every command", IN, options='command="/usr/local/bin/recorder" '),
    Account(
        "sftponly",
        "SFTP alone (ForceCommand)",
        _NO_SHELL + ".*sftp connections only.*the account may run no command.*",
    ),
    Account(
        "expired",
        "a password that must be changed",
        _NO_SHELL + ".*password.*changed.*",
        shadow="{hash}:0:0:99999:7:::",
    ),
    Account(
        "acctexpired",
        "an account that has expired",
        r"unreachable \(auth\): .*expired.*",
        shadow="*:19000:0:99999:7::1:",
    ),
    Account(
        "locked",
        "a locked password, with a key",
        IN,
        shadow="!:19000:0:99999:7:::",
    ),
    Account("badperm", "a home folder that others may write", _REFUSED, home_mode=0o777),
    Account("sudoall", "sudo, NOPASSWD: ALL", ROOT, inventory=_SUDO, sudoers=_ALL),
    Account(
        "sudopw",
        "sudo with a password, on a router",
        ROOT,
        shadow="{hash}:19000:0:99999:7:::",
        inventory=_SUDO | {"become_password": "env:SUDO_PASSWORD", "driver": "nftables"},
        sudoers="{name} ALL=(ALL) ALL",
    ),
    Account(
        "sudonft",
        "sudo for nft alone",
        r"unreachable \(sudo\): sudo -n is refused \(sudo: a password.*NOPASSWD.*",
        inventory=_SUDO,
        sudoers="{name} ALL=(root) NOPASSWD: /usr/sbin/nft",
    ),
    Account("sudonone", "no sudo", r"unreachable \(sudo\): sudo -n is refused .*", inventory=_SUDO),
    Account(
        "sudotty",
        "requiretty",
        r"unreachable \(sudo\): .*tty.*Defaults:sudotty !requiretty",
        inventory=_SUDO,
        sudoers=_ALL + "\nDefaults:{name} requiretty",
    ),
    Account(
        "sudolog",
        "sudo that logs input and output",
        ROOT,
        inventory=_SUDO,
        sudoers=_ALL + "\nDefaults:{name} log_output, log_input",
    ),
    Account(
        "sudopath",
        "sudo with a path of its own",
        ROOT,
        inventory=_SUDO,
        sudoers=_ALL + '\nDefaults:{name} secure_path="/usr/bin:/bin"',
    ),
    Account("sudofish", "sudo, from fish", ROOT, "/usr/bin/fish", inventory=_SUDO, sudoers=_ALL),
    Account(
        "sudonoisy",
        "sudo, with a noisy login file",
        ROOT,
        files=rc("echo hello from bashrc\n"),
        inventory=_SUDO,
        sudoers=_ALL,
    ),
    Account(
        "sudoroot",
        "sudo for another account than root",
        r"unreachable \(sudo\): sudo -n is refused .*",
        inventory=_SUDO,
        sudoers="{name} ALL=(www-data) NOPASSWD: ALL",
    ),
    Account("doas", "doas, nopass", ROOT, inventory={"become": "doas"}),
    Account(
        "sudobash",
        "sudo for bash alone",
        r"unreachable \(sudo\): sudo -n is refused .*",
        inventory=_SUDO,
        sudoers="{name} ALL=(root) NOPASSWD: /bin/bash",
    ),
    Account(
        "sudosu",
        "sudo for su alone",
        r"unreachable \(sudo\): sudo -n is refused .*",
        inventory=_SUDO,
        sudoers="{name} ALL=(root) NOPASSWD: /bin/su",
    ),
)
