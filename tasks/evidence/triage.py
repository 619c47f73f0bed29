"""The profile `triage`: what lies on disk. All metadata first, then lists, then contents, the telling ones first.

The order is the point: reading a file moves its access time, so that nothing is read before all times are known.
"""

from __future__ import annotations

from tasks.evidence.definition import Definition
from tasks.evidence.selection import CODE, DATA, SECRETS, SHOWN, SSH, without
from tasks.evidence.source import Archive, Run, Script, Walk
from tasks.evidence.volatile import CLOCK, MOUNTS

TRIAGE = (
    CLOCK,
    MOUNTS,
    Definition(
        id="bodyfile",
        about="Metadata of every entry of the local filesystems, names safe to read line by line, before any file "
        "is read: a TSK 3 body file, times with nanoseconds.",
        reads=(Walk(within="filesystems"),),
        suffix="body",
        deadline=600,
        cap=1 << 30,
    ),
    Definition(
        id="accessed-24h",
        about="Files accessed within the last 24 hours (find -atime -1; -atime 1 would be the day before). "
        "Directories are left out: the walk itself has just read them.",
        reads=(Walk(within="filesystems", tests=("!", "-type", "d", "-atime", "-1")),),
        suffix="body",
        deadline=300,
        cap=256 << 20,
    ),
    Definition(
        id="changed-24h",
        about="What was written within the last 24 hours, or had its name, owner or mode changed: the time of such "
        "a change (ctime) is not set back as easily as the others.",
        reads=(Walk(within="filesystems", tests=("(", "-ctime", "-1", "-o", "-mtime", "-1", ")")),),
        suffix="body",
        deadline=300,
        cap=256 << 20,
    ),
    Definition(
        id="attributes",
        about="Immutable and append-only files and directories, each by its own name: what nobody can change any "
        "more, though no permission forbids it.",
        reads=(Script(name="attributes", within="filesystems", paths=("",)),),
        deadline=300,
    ),
    Definition(
        id="privileged-files",
        about="Set-user-ID and set-group-ID files.",
        reads=(Walk(within="filesystems", tests=("-type", "f", "(", "-perm", "-4000", "-o", "-perm", "-2000", ")")),),
        suffix="body",
        deadline=300,
    ),
    Definition(
        id="capabilities",
        about="Files that carry capabilities, which give root's powers without its mark.",
        reads=(Script(name="capabilities", within="filesystems", paths=("",)),),
        deadline=300,
    ),
    Definition(
        id="unowned-files",
        about="Files of users and groups that do not exist, as an unpacked kit leaves them.",
        reads=(Walk(within="filesystems", tests=("(", "-nouser", "-o", "-nogroup", ")")),),
        suffix="body",
        deadline=300,
    ),
    Definition(
        id="password-states",
        about="Accounts with the state of their password (empty, locked, set) and its date, without the hash.",
        reads=(Script(name="shadow"),),
    ),
    Definition(
        id="histories",
        about="What was typed: histories of shells, editors, pagers and clients, or that they point to nothing.",
        reads=(
            Archive(
                within="homes",
                paths=(".*history*", ".viminfo", ".lesshst", ".wget-hsts", ".node_repl_history"),
            ),
        ),
        suffix="tar",
    ),
    Definition(
        id="ssh",
        about="Who may log in with a key, and from where others were reached; private keys are left out.",
        reads=(Archive(within="homes", paths=(".ssh",), tests=SSH, each=1 << 20),),
        suffix="tar",
    ),
    Definition(
        id="sshd",
        about="The configuration that sshd would use, with the places of keys that nobody thinks of.",
        reads=(Run(commands=(("sshd -T",),), optional=True),),
        races=True,
    ),
    Definition(
        id="cron",
        about="Jobs of cron, anacron and at.",
        reads=(
            Archive(
                paths=(
                    "/etc/cron*",
                    "/etc/anacrontab",
                    "/etc/at.*",
                    "/var/spool/cron",
                    "/var/spool/at",
                    "/var/spool/anacron",
                ),
                each=1 << 20,
            ),
        ),
        suffix="tar",
    ),
    Definition(
        id="start-files",
        about="What runs when someone logs in: start files of shells and sessions.",
        reads=(
            Archive(
                within="homes",
                paths=(
                    ".*profile",
                    ".*login",
                    ".*logout",
                    ".*shrc",
                    ".*shenv",
                    ".pam_environment",
                    ".config/autostart",
                    ".config/systemd",
                    ".forward",
                    ".procmailrc",
                ),
                each=1 << 20,
            ),
        ),
        suffix="tar",
    ),
    Definition(
        id="units",
        about="What starts with the host: units of systemd, generators, scripts of init, udev and the network.",
        reads=(
            Archive(
                paths=(
                    "/etc/systemd",
                    "/etc/init*",
                    "/etc/rc*",
                    "/etc/udev",
                    "/etc/network",
                    "/usr/local/lib/systemd",
                    "/lib/systemd/system*",
                    "/usr/lib/systemd/user*",
                    "/var/lib/systemd/linger",
                ),
                tests=("!", "-path", "*/private/*"),
                each=1 << 20,
            ),
        ),
        suffix="tar",
    ),
    Definition(
        id="temporary-files",
        about="Files in the directories that everyone may write, dotted ones too, up to 10 MB each.",
        reads=(Archive(paths=("/tmp", "/var/tmp", "/dev/shm")),),  # noqa: S108
        suffix="tar",
        cap=256 << 20,
        deadline=120,
    ),
    Definition(
        id="web-suspects",
        about="Programs where a web server shows files and should find none: in directories for uploads, images and "
        "caches, changed within 30 days, or configuration that makes them run.",
        reads=(
            Archive(
                within="web-roots",
                tests=(*CODE, "(", *SHOWN, "-o", "-ctime", "-30", ")"),
                each=2 << 20,
            ),
        ),
        suffix="tar",
        cap=128 << 20,
        deadline=180,
    ),
    Definition(
        id="changed-files",
        about="Contents of files changed within the last 24 hours anywhere but in data, caches and logs, up to 1 MB "
        "each; what no package operation explains comes first.",
        reads=(
            Archive(
                within="filesystems",
                tests=("-type", "f", "-ctime", "-1", *DATA, *SECRETS),
                first="unpackaged",
                each=1 << 20,
            ),
        ),
        suffix="tar",
        cap=32 << 20,
        deadline=180,
    ),
    Definition(
        id="configuration",
        about="/etc as a whole, without private keys, password hashes and files made for passwords; other "
        "configuration may still hold passwords.",
        reads=(Archive(paths=("/etc",), tests=SECRETS, each=2 << 20),),
        suffix="tar",
        cap=128 << 20,
        deadline=120,
    ),
    Definition(
        id="logins",
        about="Logins, failed ones, and the last of each account.",
        reads=(
            Run(commands=(("last -F -a -i -w -x", "last -F -a -i -w", "last"),)),
            Run(commands=(("lastb -F -a -i -w", "lastb"), ("lastlog",)), optional=True),
        ),
        races=True,
    ),
    Definition(
        id="mail-queue",
        about="The mail queue: what the host was made to send. Its messages are not read. Postfix, asked for the "
        "first time since boot, makes an empty lock file of its own in its spool (pid/unix.showq).",
        reads=(Run(commands=(("postqueue -p", "exim4 -bp", "exim -bp", "mailq"),), optional=True),),
        races=True,
    ),
    Definition(
        id="packages",
        about="What is installed, at which version.",
        reads=(Run(commands=(("dpkg-query -W", "rpm -qa --last", "apk list -I"),), optional=True),),
        deadline=60,
    ),
    Definition(
        id="package-verification",
        about="Packaged files that are not as the packages brought them, by the host's own tool and database, which "
        "an intruder can have changed as well. It reads each of them; rpm(8) may touch its own lock.",
        reads=(Run(commands=(("dpkg --verify", "rpm -Va --nomtime"),), optional=True),),
        deadline=300,
        races=True,
    ),
    Definition(
        id="package-digests",
        about="The digests that packages brought, for programs, libraries and configuration, so that the controller "
        "compares for itself; the record is the host's own, and an intruder can have changed it as well.",
        reads=(Script(name="package_digests"),),
        deadline=60,
    ),
    Definition(
        id="system-tools",
        about="The programs that an intruder replaces first, and the modules that check passwords: to be hashed and "
        "compared where nobody can forge the answer.",
        reads=(Script(name="system_tools", uses=("recent", "archive")),),
        suffix="tar",
        deadline=60,
    ),
    Definition(
        id="journal",
        about="Files of systemd's journal written within the last 14 days.",
        reads=(Archive(paths=("/var/log/journal", "/run/log/journal"), tests=("-mtime", "-14"), each=256 << 20),),
        suffix="tar",
        cap=1 << 30,
        deadline=300,
    ),
    Definition(
        id="logs",
        about="/var/log without the journal, the last eight days first.",
        reads=(Archive(paths=("/var/log",), tests=without("*/journal/*"), each=512 << 20),),
        suffix="tar",
        cap=2 << 30,
        deadline=600,
    ),
    Definition(
        id="web-code",
        about="All programs that web servers show, up to 2 MB each: among them, a web shell that is old.",
        reads=(Archive(within="web-roots", tests=CODE, each=2 << 20),),
        suffix="tar",
        cap=256 << 20,
        deadline=300,
    ),
)
