"""Mechanisms that start, load or allow something without a person: the files of each, and the lines that matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

from stopgap.orchestrator.findings.pattern import matching

Family: TypeAlias = Literal[
    "scheduled", "service", "boot", "event", "login", "loader", "authentication", "interpreter", "kernel", "web",
    "container", "trust", "logging",
]  # fmt: skip


@dataclass(frozen=True)
class Directive:
    """A line that starts, loads or allows something.

    The group `run` of the pattern is a command line, `load` the path of a file that is loaded; a pattern without either
    is telling by itself.
    """

    pattern: str
    weight: int = 0
    """How grave the line is by itself: 0 as its file, 1 low, 2 medium, 3 high, 4 critical."""
    stands: bool = False
    """The weight stands also where the program is a package's."""


@dataclass(frozen=True)
class Mechanism:
    """A mechanism, by the paths of its files."""

    name: str
    family: Family
    paths: str
    directives: tuple[Directive, ...] = ()
    """Without any, the file itself runs, as a script or a program."""
    seldom: bool = False
    """Packages alone put files there, as a rule; administrators hardly ever do."""
    personal: bool = False
    """A person's own file, in which only what is odd is told."""


def _lines(*patterns: str | tuple[str, int]) -> tuple[Directive, ...]:
    given = [(each, 0) if isinstance(each, str) else each for each in patterns]
    return tuple(Directive(pattern, weight) for pattern, weight in given)


def _mechanism(
    name: str, family: Family, paths: str, directives: Sequence[Directive] = (), *, seldom: bool = False,
    personal: bool = False,
) -> Mechanism:  # fmt: skip
    return Mechanism(name, family, paths, tuple(directives), seldom, personal)


ELSEWHERE = r"(?!10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)\d{1,3}(?:\.\d{1,3}){3}"
"""An address of the Internet, as a number."""
OUTSIDE = r"(?<![\d.])(?!0\.)" + ELSEWHERE + r"(?![\w.-])"
"""The same, with neither digits nor a name around."""
_HOMES = r"^/(?:home/[^/]+|root|var/lib/[^/]+|var/www|srv/[^/]+|[^/]+)"
_INLINE = (
    r"\S*(?:(?:perl|ruby|lua)[\d.]*\s+(?:-[\w:=]+\s+)*-\w*[eE]|python[\d.]*\s+(?:-\w+\s+)*-\w*c"
    r"|php[\d.]*\s+(?:-\w+\s+)*-r|node(?:js)?\s+(?:-\S+\s+)*(?:-e|--eval|-p))\s.*"
)
"""An interpreter that is given its program on the line."""
_UNIT = (
    Directive(r"^\s*Exec\w*\s*=\s*[-@:+!|]*(?P<run>" + _INLINE + ")", 2, stands=True),
    Directive(
        r"^\s*Exec\w*\s*=.*\b(?:systemd-socket-proxyd|socat|ncat|redir|simpleproxy|tcpproxy|balance)\b.*" + OUTSIDE,
        2,
        stands=True,
    ),
    Directive(r"^\s*Exec\w*\s*=.*getty\b.*\s(?:--autologin|-a)[\s=]", 2),
    Directive(
        r"^\s*Exec\w*\s*=.*\b(?:dockerd|podman\s+system\s+service)\b.*\btcp:(?://)?(?!127\.|localhost|\[::1\])",
        3,
        stands=True,
    ),
    Directive(
        r"^\s*Exec\w*\s*=.*\s(?:-[fcC]|--config(?:-file)?[= ])\s*(?P<load>/(?:usr/(?!local/)|lib/|boot/)[^\s\"']+)", 0
    ),
    *_lines(
        r"^\s*Exec\w*\s*=\s*[-@:+!|]*(?P<run>/?\S.*)",
        (r"^\s*Environment\s*=.*\bLD_(?:PRELOAD|AUDIT)=(?P<load>[^\s\"']+)", 3),
        r"^\s*(?P<timer>On(?:Calendar|BootSec|StartupSec|UnitActiveSec|UnitInactiveSec|ActiveSec)|Listen\w+|Path(?:Exists|Changed|Modified)\w*)\s*=",
        (r"^\s*Where\s*=\s*/(?:usr/(?!local/)|etc|bin|sbin|lib\d*|boot|root)\S*", 2),
        (r"^\s*What\s*=\s*/\S*/\.[^/\s.]\S*", 2),
        r"^\s*EnvironmentFile\s*=\s*-?(?P<load>/(?!etc/|run/|proc/)\S+)",
    ),
)
_TIMES = r"^\s*(?:@\w+|(?:[\w*/,~?-]+\s+){4}[\w*/,~?-]+)\s+"
_CRON_VARIABLES = _lines((r"^\s*(?:LD_PRELOAD|LD_AUDIT|BASH_ENV)\s*=\s*(?P<load>\S+)", 3))
_CRON = (
    Directive(_TIMES + "(?P<run>" + _INLINE + ")", 2, stands=True),
    *_lines(_TIMES + r"(?P<run>\S.*)"),
    *_CRON_VARIABLES,
)
_CRON_OF_SYSTEM = (
    Directive(_TIMES + r"[\w.@-]+\s+(?P<run>" + _INLINE + ")", 2, stands=True),
    *_lines(_TIMES + r"[\w.@-]+\s+(?P<run>\S.*)"),
    *_CRON_VARIABLES,
)
_SHELL = _lines(
    (r"^\s*(?:export\s+)?LD_(?:PRELOAD|AUDIT)\s*=\s*[\"']?(?P<load>/[^\s\"']+)", 3),
    (
        r"^\s*(?:export\s+|declare\s+-x\s+)?PATH\s*=\s*[\"']?(?:/tmp|/var/tmp|/dev/shm|\.(?:[:\"'/]|$)|:|/(?:usr|bin|sbin|lib|etc|opt|var)\S*?/\.)",
        3,
    ),
    (
        r"^\s*alias\s+[\"']?(?:sudo|su|ssh|scp|passwd|login|doas|ps|ss|netstat|lsof|top|find|last|crontab)=(?!\s*[\"']?(?:sudo|ssh|scp|ps|ss|netstat|lsof|top|find|last|crontab|grc|colou?r|command)\b)",
        3,
    ),
    (
        r"^\s*(?:function\s+)?(?:sudo|su|ssh|passwd|login|doas|ps|ss|netstat|lsof|top|find|last|crontab|ls)\s*\(\s*\)",
        3,
    ),
    (r"^\s*trap\s.*\bDEBUG\b", 1),
    (
        r"^\s*(?:export\s+|declare\s+-x\s+)?(?:BASH_ENV|PERL5OPT|RUBYOPT)\s*=\s*[\"']?(?:-\w+\s*)?(?P<load>[/~$][^\s\"']+)",
        2,
    ),
    (
        r"^\s*(?:export\s+|declare\s+-x\s+|setenv\s+)?(?:LESSOPEN|LESSCLOSE|(?:MAN|GIT_)?PAGER|(?:SUDO|SSH)_ASKPASS|GIT_SSH(?:_COMMAND)?|GIT_EXTERNAL_DIFF|BROWSER)"
        r"\s*=?\s*[\"']?[|-]*\s*(?P<run>[/~$][^\"']+)",
        1,
    ),
    r"^(?P<run>.*\S.*)$",
)
_SSH_CLIENT = _lines(
    (r"(?i)^\s*LocalCommand[\s=]+(?P<run>\S.*)", 2),
    (r"(?i)^\s*KnownHostsCommand[\s=]+(?P<run>\S.*)", 2),
    (r"(?i)^\s*Match\s.*\bexec\s+(?P<run>\S.*)", 2),
    r"(?i)^\s*ProxyCommand[\s=]+(?P<run>\S.*)",
    (r"(?i)^\s*ControlPath[\s=]+\"?/(?:tmp|var/tmp|dev/shm|run/shm)/", 2),
    (r"(?i)^\s*(?:PKCS11Provider|SecurityKeyProvider)[\s=]+(?P<load>/\S+)", 2),
)
_SSHD = _lines(
    (r"(?i)^\s*(?:ForceCommand)[\s=]+(?!internal-sftp|none)(?P<run>\S.*)", 2),
    (r"(?i)^\s*(?:AuthorizedKeysCommand|AuthorizedPrincipalsCommand)[\s=]+(?!none)(?P<run>\S.*)", 3),
    (
        r"(?i)^\s*(?:TrustedUserCAKeys|AuthorizedKeysFile)[\s=]+(?!none|\.ssh/authorized_keys2?(?:\s+\.ssh/authorized_keys2?)?\s*$)(?P<load>\S+)",
        2,
    ),
    (r"(?i)^\s*Subsystem\s+\S+\s+(?!internal-sftp|/usr/lib(?:exec)?/(?:openssh/|ssh/)?sftp-server)(?P<run>\S.*)", 3),
    (r"(?i)^\s*Match\s.*\bAddress\s+\S*" + ELSEWHERE, 1),
    (r"(?i)^\s*(?:PermitEmptyPasswords|PermitUserEnvironment)[\s=]+yes", 2),
    (r"(?i)^\s*PermitRootLogin[\s=]+yes", 1),
    (r"(?i)^\s*SetEnv[\s=].*\bLD_", 3),
)
_GIT = _lines(
    r"(?i)^\s*(?:fsmonitor|sshCommand|pager|editor|askPass|textconv|clean|smudge|process|command|cmd|path|driver)\s*=\s*(?!true|false)(?P<run>\S.*)",
    r"(?i)^\s*helper\s*=\s*!?(?P<run>\S.*)",
    r"(?i)^\s*hooksPath\s*=\s*(?P<load>\S+)",
    r"(?i)^\s*\w+\s*=\s*\"?!(?P<run>\S.*)",
)
_APT = _lines(
    (r"(?i)\bProxy\S*\s+\"(?:https?|socks5h?)://(?:[^@/\"]*@)?" + ELSEWHERE, 2),
    r"(?i)(?:Pre|Post)-(?:Invoke|Install)\w*(?:-Success)?(?:::)?\s*\{?\s*[\"'](?P<run>[^\"']+)",
    r"(?i)Pre-Install-Pkgs\s*\{?\s*\"(?P<run>[^\"]+)",
    (r"(?i)Verify-(?:Peer|Host)\S*\s+\"?(?:false|0|no)", 2),
    (
        r"(?i)(?:AllowUnauthenticated|AllowInsecureRepositories|AllowDowngradeToInsecureRepositories)\s+\"?(?:true|1|yes)",
        2,
    ),
)
_PAM = (
    Directive(r"^\s*-?\w+\s+\S.*\bpam_exec\.so\b(?P<run>.*)", 3, stands=True),
    *_lines(
        r"^\s*(?:-?\w+\s+(?:include|substack)|@include)\s+(?P<load>/\S+)",
        (r"^\s*-?auth\s+\S.*\bpam_wheel\.so\b.*\btrust\b", 2),
        (r"^\s*-?\w+\s+\S.*\b(?:pam_python|pam_script|pam_perl|pam_lua)\.so\b", 3),
        (r"^\s*-?auth\s+(?:sufficient|requisite|\[success=(?:done|ok)[^\]]*\])\s+(?:\S*/)?pam_permit\.so", 3),
        (
            r"^\s*-?auth\s+(?:sufficient|\[success=(?:done|ok|[1-9])[^\]]*\])\s+(?:\S*/)?pam_(?:succeed_if|listfile|localuser|time|access)\.so\s.*\b(?:user|uid|ruser|file)\b",
            2,
        ),
        (r"^\s*-?\w+\s+(?:\w+|\[[^\]]*\])\s+(?P<load>/?[\w./-]+\.so)", 0),
    ),
)
_SUDO = _lines(
    (r"^\s*Defaults\S*\s+.*!authenticate\b", 2),
    (r"^\s*Defaults\S*\s+.*env_keep\s*\+?=.*\bLD_|^\s*Defaults\S*\s+!env_reset", 3),
    (r"^\s*Defaults\S*\s+.*!(?:syslog|logfile|log_\w+)\b|^\s*Defaults\S*\s+.*timestamp_timeout\s*=\s*-1", 1),
    (
        r"^\s*(?:www-data|apache|nginx|nobody|daemon|bin|sys|sync|games|man|lp|mail|news|uucp|proxy|list|irc|gnats|ALL|%ALL|#\d+)\s+\S+\s*=.*(?:ALL|NOPASSWD)",
        3,
    ),
    (
        r"NOPASSWD:\s*(?:.*[,\s])?(?:/\S*/)?(?:vim?|vim\.\w+|nvim|nano|pico|emacs|ed|less|more|man|awk|gawk|mawk|find|xargs|python[0-9.]*|perl|ruby|lua[0-9.]*|php[0-9.]*|node|gdb|strace|env|nmap|socat|nc|ncat|bash|dash|zsh|sh|su|tee|cp|mv|dd|ln|chmod|chown|tar|zip|rsync|git|make|docker|podman|lxc|kubectl|screen|tmux|expect|ssh|scp|sftp|ftp|wget|curl|mysql|psql|sqlite3|crontab|visudo|passwd|useradd|usermod|mount|chroot|unshare|nsenter|apt|apt-get|dpkg|pip3?|npm|systemctl|journalctl|capsh|setcap|openssl|base64|busybox)\s*(?:,|$|\*)",
        2,
    ),
    (
        r"NOPASSWD:\s*(?:.*[,\s])?/\S*/(?:python[0-9.]*|perl|ruby|lua[0-9.]*|php[0-9.]*|node|bash|dash|zsh|sh|vim?|nano|less|find|awk|tar|rsync|cp|mv|chmod|chown|tee|cat)\s+[^,]*\*",
        2,
    ),
    (r"NOPASSWD:\s*(?:.*[,\s])?ALL\b", 1),
    (r"NOPASSWD:\s*(?:.*[,\s])?/\S*\*\s*(?:,|$)", 1),
    (r"NOPASSWD:\s*(?:.*[,\s])?(?P<load>/(?:tmp|var/tmp|dev/shm|home|var/www)/\S*)", 2),
    r"^\s*(?!Defaults|\w+_Alias)[^=]+=\s*(?:\([^)]*\)\s*)?(?:[A-Z_]+:\s*)*(?P<load>/[^\s,]+)",
)
_SYSCTL = _lines(
    (r"^\s*-?kernel[./]core_pattern\s*=\s*\|\s*(?P<run>\S.*)", 3),
    (r"^\s*-?kernel[./](?:modprobe|hotplug|poweroff_cmd)\s*=\s*(?!/sbin/modprobe\s*$)(?P<run>\S.*)", 3),
    (r"^\s*-?vm[./]nr_hugepages\s*=\s*[1-9]", 2),
    (
        r"^\s*-?(?:kernel[./](?:randomize_va_space|kptr_restrict|dmesg_restrict|yama[./]ptrace_scope)\s*=\s*0|fs[./](?:protected_\w+\s*=\s*0|suid_dumpable\s*=\s*[12])|kernel[./]unprivileged_bpf_disabled\s*=\s*0|kernel[./]modules_disabled\s*=\s*0)",
        1,
    ),
)
_YAML_POD = _lines(
    (r"(?i)[\"']?privileged[\"']?\s*:\s*(?:true|yes)", 3),
    (r"(?i)[\"']?host(?:PID|IPC)[\"']?\s*:\s*(?:true|yes)", 3),
    (r"(?i)[\"']?hostNetwork[\"']?\s*:\s*(?:true|yes)", 2),
    (r"(?i)path[\"']?\s*:\s*[\"']?/(?:etc|root|proc|var/run/docker\.sock)?[\"']?\s*$", 3),
)
_COMPOSE = _lines(
    (r"(?i)^\s*[\"']?privileged[\"']?\s*:\s*(?:true|yes)", 2),
    (r"(?i)^\s*[\"']?(?:pid|ipc|userns_mode)[\"']?\s*:\s*[\"']?host", 2),
    (r"[\"'\s\[]/(?:etc|root|proc|boot)?:/\S", 3),
    (r"/var/run/docker\.sock:", 1),
    (r"(?i)\b(?:SYS_ADMIN|SYS_PTRACE|SYS_MODULE|DAC_READ_SEARCH)\b|\bcap_add\b.*\bALL\b", 2),
    (r"stratum\+tcp|xmrig", 3),
)
_QUADLET = _lines(
    (r"^\s*Volume\s*=\s*/(?:etc|root|proc|boot)?:", 3),
    (r"^\s*PodmanArgs\s*=.*(?:--privileged|--pid[= ]host)|^\s*SecurityLabelDisable\s*=\s*true", 2),
    (r"(?i)^\s*AddCapability\s*=.*(?:SYS_ADMIN|SYS_PTRACE|SYS_MODULE|all)\b", 2),
    r"^\s*(?P<image>Image)\s*=",
)
_DOCKER = _lines(
    (r"tcp://(?!127\.|localhost|\[::1\])", 3),
    (r"(?i)\"Privileged\"\s*:\s*true|\"PidMode\"\s*:\s*\"host\"", 2),
    (r"\"Binds\"\s*:\s*\[[^\]]*\"/(?:etc|root|proc|boot)?:", 3),
    (r"(?i)\"CapAdd\"\s*:\s*\[[^\]]*\"(?:CAP_)?(?:SYS_ADMIN|SYS_PTRACE|SYS_MODULE|ALL)\"", 2),
    (
        r"(?i)^\s*(?:hooks_dir|helper_binaries_dir|(?:cni|netavark)_plugin_dirs|conmon\w*_path|runtime_path)\s*=\s*\[?\s*\"(?P<load>/[^\"]+)",
        1,
    ),
    (r"\"insecure-registries\"\s*:\s*\[\s*\"", 1),
    r"\"(?:path|init-path|userland-proxy-path)\"\s*:\s*\"(?P<load>/[^\"]+)\"",
    (r"\"(?:authorization-plugins|registry-mirrors)\"\s*:\s*\[\s*\"", 1),
    (r"(?i)^\s*BinaryName\s*=\s*\"(?P<load>/[^\"]+)\"", 1),
)
_KUBELET = _lines(
    (r"^\s*mode\s*:\s*AlwaysAllow", 3),
    (r"(?i)\banonymous\s*:\s*\{\s*enabled\s*:\s*true", 2),
    (r"^\s*readOnlyPort\s*:\s*[1-9]", 1),
    (r"^\s*staticPodURL\s*:\s*\S|^\s*staticPodPath\s*:\s*[\"']?/(?!etc/kubernetes/manifests)\S", 2),
)
_LXC = _lines(
    (r"^\s*lxc\.mount\.entry\s*=\s*/(?:etc|root|proc|boot)?/?\s", 3),
    (r"^\s*lxc\.cgroup2?\.devices\.allow\s*=\s*a\b", 2),
    (r"^\s*lxc\.apparmor\.profile\s*=\s*unconfined|^\s*lxc\.cap\.drop\s*=\s*$", 1),
    r"^\s*lxc\.hook\.[\w-]+\s*=\s*(?P<run>\S.*)",
)
_REGISTRY = _lines(
    (r"(?i)^\s*location\s*=\s*\"(?:[^@/\s\"]*@)?" + ELSEWHERE, 2),
    (r"(?i)^\s*insecure\s*=\s*true", 1),
)
_SHOWN = r"\.(?:\((?:\?:)?[\w|?]*\b)?(?:jpe?g|gif|png|ico|svg|webp|bmp|css|m?js|woff2?|ttf|eot)\b"
"""Ends of names of what a web server shows, and does not run."""
_APACHE = _lines(
    (r"(?i)^\s*(?:CustomLog|ErrorLog|TransferLog|ForensicLog)\s+[\"']\|+\$?(?P<run>[^\"']+)", 0),
    r"(?i)^\s*LoadModule\s+\S+\s+[\"']?(?P<load>\S+?)[\"']?\s*$",
    r"(?i)^\s*LoadFile\s+[\"']?(?P<load>/\S+?)[\"']?\s*$",
    (r"(?i)^\s*ScriptAlias(?:Match)?\s+\S+\s+[\"']?(?P<load>/\S+?)[\"']?\s*$", 0),
    (r"(?i)^\s*(?:ExtFilterDefine\b.*\bcmd=[\"']?|RewriteMap\s+\S+\s+[\"']?prg:)(?P<run>[^\"']+)", 1),
    (r"(?i)^\s*php_(?:admin_)?value\s+auto_(?:prepend|append)_file\s+[\"']?(?P<load>[^\s\"']+)", 2),
    (r"(?i)^\s*(?:AddType|AddHandler)\s+\S*(?:php|cgi-script|perl|python)\S*\s.*" + _SHOWN, 2),
    (
        r"(?i)^\s*<(?:Files|Location|If)(?:Match)?\s[^>]*"
        + _SHOWN
        + r"[^>]*>\s*(?:SetHandler|ForceType)\s+\S*(?:php|cgi-script|perl|python|fcgi)",
        2,
    ),
)
_PHP = _lines(
    r"(?i)^\s*(?:zend_)?extension\s*=\s*[\"']?(?P<load>/\S+?)[\"']?\s*$",
    (r"(?i)^\s*auto_(?:prepend|append)_file\s*=\s*[\"']?(?P<load>[^\s\"';]+)", 2),
    (r"(?i)^\s*allow_url_include\s*=\s*(?:on|1|yes|true)", 2),
    r"(?i)^\s*sendmail_path\s*=\s*[\"']?(?P<run>[^\"']+)",
)
PRELOADED = Directive(r"\bLD_(?:PRELOAD|AUDIT)\b[\"'\]]*\s*[=:, ]\s*[\"']?(?P<load>/[^\s\"']+)", 3)
"""A library that is loaded before all others, in whatever form a file of settings has it."""
_NSPAWN = _lines(
    (r"^\s*Bind(?:ReadOnly)?\s*=\s*\+?/(?:etc|root|proc|boot)?(?::|\s*$)", 3),
    (r"(?i)^\s*PrivateUsers\s*=\s*(?:no|false|0|identity)", 1),
    (r"(?i)^\s*Capability\s*=.*\b(?:all|CAP_SYS_ADMIN|CAP_SYS_MODULE|CAP_SYS_PTRACE)\b", 2),
)
_FILTER = _lines(
    (r"(?i)-j\s+(?:REDIRECT|DNAT)\b.*(?:--to-ports?|--to-destination)\s+(?:127\.[\d.]+:|:)?22\b", 2),
    (r"(?i)-j\s+DNAT\b.*--to-destination\s+\S+:22\b", 1),
    (r"(?i)(?:^|\s)-s\s+(?!10\.|127\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)\S+.*-j\s+(?:REDIRECT|DNAT)\b", 2),
    (r"(?i)\b(?:redirect|dnat)\s+(?:ip6?\s+)?to\s+(?:127\.[\d.]+:|:)?22\b", 2),
    (r"(?i)\bdnat\s+(?:ip6?\s+)?to\s+\S+:22\b", 1),
    (r"(?i)(?:^|\s)-s\s+" + ELSEWHERE + r"(?:/32)?\s(?!.*--dport).*-j\s+ACCEPT\b", 1),
    (
        r"(?i)\bip\s+saddr\s+" + ELSEWHERE + r"(?:/32)?\s+(?:counter\s+(?:packets\s+\d+\s+bytes\s+\d+\s+)?)?accept\b",
        1,
    ),
)
_PIPES = _lines(r"\|\s*\"?(?P<run>/[^\"]+)", r"\"\|\s*(?P<run>[^\"]+)")

MECHANISMS: tuple[Mechanism, ...] = (
    _mechanism("cron", "scheduled", r"^/etc/(?:cron\.d/|crontab$)", _CRON_OF_SYSTEM),
    _mechanism("anacron or incron", "scheduled", r"^/etc/(?:anacrontab$|incron\.d/)|^/var/spool/incron/", _lines(r"^\s*[\d@]\S*\s+\d+\s+[\w.-]+\s+(?P<run>\S.*)", r"^\s*/\S+\s+IN_\w+(?:,IN_\w+)*\s+(?P<run>\S.*)")),
    _mechanism("cron", "scheduled", r"^/var/spool/cron/(?:crontabs/|tabs/)?[^/]+$", _CRON),
    _mechanism("cron script", "scheduled", r"^/etc/cron\.(?:hourly|daily|weekly|monthly|yearly)/"),
    _mechanism("at job", "scheduled", r"^/var/spool/(?:at|cron/at(?:jobs)?)/(?!spool|\.SEQ)"),
    _mechanism("generator", "service", r"/systemd/(?:system|user|system-environment|user-environment)-generators/", seldom=True),
    _mechanism("sleep or shutdown hook", "event", r"/systemd/system-(?:sleep|shutdown)/|^/etc/pm/(?:sleep|power)\.d/", seldom=True),
    _mechanism("systemd settings", "loader", r"^/(?:etc|usr/lib|run)/systemd/(?:system|user)\.conf(?:\.d/|$)|/environment\.d/", _lines((r"\bLD_(?:PRELOAD|AUDIT|LIBRARY_PATH)\s*=\s*[\"']?(?P<load>/[^\s\"']+)", 3), (r"^\s*PATH\s*=\s*[\"']?(?:/tmp|/var/tmp|/dev/shm|/\S*/\.)", 3))),
    _mechanism("systemd user unit", "service", r"/\.(?:config|local/share)/systemd/user/|/systemd/user/", _UNIT),
    _mechanism("systemd unit", "service", r"/systemd/.*\.(?:service|socket|timer|path|mount|automount|swap|conf|target)$", _UNIT),
    _mechanism("init script", "boot", r"^/etc/(?:init\.d/|rc\.local$|rc\.d/|rc[0-9S]\.d/|init/|local\.d/|runit/|sv/|service/)"),
    _mechanism("inittab", "boot", r"^/etc/inittab$", _lines(r"^\w{1,8}:\w*:(?:respawn|wait|once|boot|bootwait|sysinit|ondemand):(?P<run>.*)")),
    _mechanism("initial RAM disk", "boot", r"^/(?:etc|usr/share)/initramfs-tools/(?:hooks|scripts)/|^/(?:etc|usr/lib)/dracut(?:/modules\.d|\.conf\.d)/|^/etc/mkinitcpio\.d/|^/(?:etc|usr/lib)/initcpio/", seldom=True),
    _mechanism("boot loader", "boot", r"^/etc/(?:grub\.d/|kernel/(?:install|postinst|postrm|preinst|prerm)\.d/)|^/usr/lib/kernel/install\.d/", seldom=True),
    _mechanism("boot parameters", "boot", r"^/etc/default/grub(?:\.d/.*)?$|^/boot/(?:grub2?/(?:grub|custom|user)\.cfg|loader/entries/.*)$", _lines((r"\binit=(?P<load>/[^\s\"']+)", 3), (r"^\s*GRUB_EARLY_INITRD_LINUX_CUSTOM\s*=\s*[\"']?[^\"'\s]", 2), (r"\b(?:selinux=0|apparmor=0|audit=0|module\.sig_enforce=0|mitigations=off)\b", 1))),
    _mechanism("mounts", "boot", r"^/etc/fstab$", _lines((r"^\s*/(?:var|tmp|home|opt|srv|root|usr)\S*\s+/\S*\s+\S+\s+\S*\bloop\b", 2), (r"^\s*\S+\s+/\S*/\.[^\s/]+\S*\s+", 2), (r"^\s*\S+\s+/(?:usr|etc|bin|sbin|lib|root)/\S+\s+(?:tmpfs|overlay)\s", 2)), personal=True),
    _mechanism("udev rule", "event", r"/udev/rules\.d/", _lines(r"\b(?:RUN|PROGRAM)(?:\{\w+\})?\s*\+?=\s*\"(?P<run>[^\"]+)\"", r"\bIMPORT\{program\}\s*=\s*\"(?P<run>[^\"]+)\""), seldom=True),
    _mechanism("message of the day", "event", r"^/etc/update-motd\.d/", seldom=True),
    _mechanism("network hook", "event", r"^/etc/(?:network/if-(?:pre-up|up|down|post-down)\.d/|NetworkManager/dispatcher\.d/|networkd-dispatcher/|dhcp/(?:dhclient-(?:enter|exit)-hooks\.d/|dhclient-script)|dhcpcd|ppp/(?:ip|ipv6|auth)-(?:up|down)|resolvconf/update|vpnc/|openvpn/.*\.sh$|wpa_supplicant/.*\.sh$)|^/usr/lib/(?:NetworkManager/dispatcher\.d|networkd-dispatcher|dhcpcd)/", seldom=True),
    _mechanism("interfaces", "event", r"^/etc/network/interfaces(?:\.d/|$)", _lines(r"^\s*(?:pre-up|up|post-up|down|pre-down|post-down)\s+(?P<run>\S.*)")),
    _mechanism("dhclient", "event", r"^/etc/dhcp/dhclient\.conf$|^/etc/dhclient\.conf$", _lines((r"^\s*script\s+\"(?P<run>[^\"]+)\"", 2))),
    _mechanism("power event", "event", r"^/etc/acpi/", _lines(r"^\s*action\s*=\s*(?P<run>\S.*)"), seldom=True),
    _mechanism("apt", "event", r"^/etc/apt/apt\.conf(?:\.d/|$)", _APT, seldom=True),
    _mechanism("dpkg", "event", r"^/etc/dpkg/dpkg\.cfg(?:\.d/|$)", _lines(r"^\s*(?:pre|post)-invoke\s*=?\s*[\"']?(?P<run>[^\"']+)", r"^\s*status-logger\s*=?\s*[\"']?(?P<run>[^\"']+)"), seldom=True),
    _mechanism("dnf or yum", "event", r"^/etc/(?:yum|dnf)/(?:pluginconf\.d|plugins)/|^/etc/(?:yum|dnf)/.*\.py$|/(?:yum-plugins|dnf-plugins)/.*\.py$|^/etc/dnf/libdnf5-plugins/actions\.d/", _lines(r"(?i)^\s*(?:command|action)\s*=\s*(?P<run>\S.*)", r"^[\w*]*:[^:]*:[^:]*:[^:]*:(?P<run>\S.*)"), seldom=True),
    _mechanism("maintainer script", "event", r"^/var/lib/dpkg/info/[^/]+\.(?:preinst|postinst|prerm|postrm|config)$"),
    _mechanism("rsyslog", "event", r"^/etc/rsyslog\.(?:conf$|d/)", _lines((r"^[^#]*\s@@?(?:\(\w+\))?" + ELSEWHERE, 1), (r"\bomprog\b.*\bbinary\s*=\s*\"(?P<run>[^\"]+)\"", 2), (r"^[^#]*\s\^(?P<run>/\S+)", 2), (r"\bbinary\s*=\s*\"(?P<run>[^\"]+)\"", 2))),
    _mechanism("syslog-ng", "event", r"^/etc/syslog-ng/", _lines((r"\bprogram\s*\(\s*\"(?P<run>[^\"]+)\"", 2))),
    _mechanism("logrotate", "event", r"^/etc/logrotate\.(?:conf$|d/)", _lines(r"^\s{1,}(?P<run>(?:/|if |\[ |systemctl|service|invoke-rc\.d|kill|test|nohup|setsid|curl|wget|bash|sh|python|perl)\S*.*)")),
    _mechanism("D-Bus service", "event", r"/dbus-1/(?:system-)?services/", _lines(r"^\s*Exec\s*=\s*(?P<run>\S.*)"), seldom=True),
    _mechanism("hosts access", "event", r"^/etc/hosts\.(?:allow|deny)$", _lines((r"\b(?:spawn|twist)\s*:?\s*\(?(?P<run>[^:]+)", 2)), seldom=True),
    _mechanism("hosts that may connect", "authentication", r"^/etc/hosts\.allow$", _lines((r"(?i)^(?!.*:\s*deny\b)\s*(?:ALL|sshd?)\s*:(?:.*[\s,:])?" + ELSEWHERE, 1)), personal=True),
    _mechanism("who may log in from where", "authentication", r"^/etc/security/access\.(?:conf$|d/)", _lines((r"(?i)^\s*\+\s*:\s*(?:root|ALL)\s*:(?:.*\s)?" + ELSEWHERE, 1), (r"(?i)^\s*\+\s*:\s*(?:root|ALL)\s*:\s*ALL\s*$", 1)), personal=True),
    _mechanism("inetd", "event", r"^/etc/inetd\.(?:conf$|d/)", _lines((r"^\s*[\w.:/*-]+\s+(?:stream|dgram|seqpacket|raw)\S*\s+\S+\s+\S+\s+\S+\s+(?:\S*tcpd\s+)?(?P<run>\S.*)", 2), (r"^\s*[\w.:/*-]+\s+(?:stream|dgram)\S*\s+\S+\s+\S+\s+\S+\s+\S*/(?:ba|da|z|k)?sh\b", 4)), seldom=True),
    _mechanism("xinetd", "event", r"^/etc/xinetd\.(?:conf$|d/)", _lines((r"^\s*server\s*=\s*\S*/(?:ba|da|z|k)?sh\s*$", 3), r"^\s*server\s*=\s*(?P<run>\S.*)")),
    _mechanism("mail alias", "event", r"^/etc/(?:mail/|postfix/)?aliases$", _PIPES),
    _mechanism("mail forward", "event", r"/\.(?:forward|procmailrc|mailfilter|qmail\S*)$", _PIPES, personal=True),
    _mechanism("mail server", "event", r"^/etc/postfix/(?:main|master)\.cf$|^/etc/exim4?/", _lines(r"\bargv=(?P<run>/\S+)", r"^\s*mailbox_command\s*=\s*(?P<run>\S.*)", (r"^\s*(?:always_bcc|sender_bcc_maps|recipient_bcc_maps)\s*=\s*\S", 2), (r"^\s*(?:smtpd|non_smtpd)_milters\s*=.*inet:" + ELSEWHERE, 2))),
    _mechanism("certificate hook", "event", r"^/etc/(?:ca-certificates/update\.d|letsencrypt/renewal-hooks)/"),
    _mechanism("monitoring", "event", r"^/etc/(?:zabbix|nagios|nrpe\.d|monit|munin/plugin-conf\.d|collectd|telegraf|snmp|sensu|icinga2)/", _lines(r"(?i)^\s*UserParameter\s*=\s*[^,]+,(?P<run>.*)", r"^\s*command\[\w+\]\s*=\s*(?P<run>.*)", r"(?i)\bexec\s+\"(?P<run>[^\"]+)\"", r"(?i)\b(?:start|stop|restart|check)\s+program\b.*(?:=|with path)\s*\"?(?P<run>/[^\"]+)", (r"^\s*(?:extend|exec|pass|pass_persist|sh)\s+(?:\S+\s+){1,2}?(?P<run>/\S.*)", 1))),
    _mechanism("port knocking", "event", r"^/etc/knockd\.conf$|^/etc/fwknop/", _lines((r"(?i)^\s*(?:start_|stop_)?command\s*=\s*(?P<knock>\S.*)", 2))),
    _mechanism("tunnel of a service", "event", r"^/etc/stunnel/", _lines((r"(?i)^\s*exec\s*=\s*/(?:usr/)?bin/(?:\w*sh|env|nc|socat)\b", 4), (r"(?i)^\s*exec\s*=\s*(?P<run>/\S+)", 1))),
    _mechanism("hidden service", "event", r"^/etc/tor/|/\.torrc$", _lines((r"(?i)^\s*HiddenService(?:Dir|Port)\s+\S", 2), (r"(?i)^\s*ClientTransportPlugin\s+\S+\s+exec\s+(?P<run>\S+)", 1))),
    _mechanism("printer", "event", r"^/etc/cups/(?:ppd/|interfaces/)|^/usr/lib/cups/(?:backend|filter|notifier|driver)/", _lines((r"(?i)^\*FoomaticRIPCommandLine[^:]*:\s*\"(?P<run>[^\"&]+)", 1), r"(?i)^\*cupsFilter2?:\s*\"\S+\s+(?:\S+\s+)?\d+\s+(?P<load>/[^\s\"]+)", (r"(?i)^\*FoomaticRIP\w*:.*(?:/dev/tcp|\bcurl\b|\bwget\b|\bsh\s+-c)", 3)), personal=True),
    _mechanism("restart check", "event", r"^/etc/needrestart/(?!iucode)", _lines((r"\b(?:system|exec)\s*\(?\s*[\"'](?P<run>[^\"']+)|`(?P<load>[^`]+)`", 2)), personal=True),
    _mechanism("helper of a server", "event", r"^/etc/(?:haproxy|squid\d?|unbound|bind|dnsmasq\.(?:conf|d/)|keepalived|freeradius|samba|proftpd|varnish|uwsgi|asterisk|smartd\.conf|mdadm|apcupsd|nut|autofs|auto\.)", _lines((r"(?i)^\s*(?:lua-load|external-check\s+command|url_rewrite_program|redirect_program|auth_param\s+\w+\s+program|dhcp-script|python-script:|notify(?:_\w+)?|(?:root\s+)?(?:pre|post)exec\s*=|(?:login|add user|check password|message|print)\s+(?:script|command)\s*=|PROGRAM|NOTIFYCMD|SHUTDOWNCMD|exec-\w+\s*=|attach-daemon\d?\s*=|script)\s+[\"']?(?P<run>/[^\"']+)", 0), (r"(?i)\b(?:system|exec)\s*\(\s*[\"']?(?P<run>/[^\"')]+)", 1), (r"(?i)\bos\.execute\b|\bio\.popen\b|^\s*plugin\s+query\s+\"/(?!usr/lib)", 2))),
    _mechanism("ban action", "event", r"^/etc/fail2ban/action\.d/", _lines(r"^\s*action\w+\s*=\s*(?P<run>\S.*)")),
    _mechanism("git hook", "event", r"\.git/hooks/[^/]+$|/\.githooks/[^/]+$", personal=True),
    _mechanism("git settings", "event", r"/\.gitconfig$|\.git/config$|/\.config/git/config$|^/etc/gitconfig$", _GIT, personal=True),
    _mechanism("desktop script", "login", r"/autostart-scripts/[^/]+$|/plasma-workspace/(?:env|shutdown)/[^/]+$|/\.config/openbox/(?:autostart|environment)$|/\.fluxbox/startup$|/\.config/(?:bspwm|herbstluftwm|qtile|awesome)/[^/]+$", _SHELL),
    _mechanism("window manager", "login", r"/\.config/(?:i3|sway|hypr)/[^/]+$|/\.i3/config$", _lines(r"^\s*exec(?:_always|-once)?\s*=?\s*(?:--\S+\s+)*(?P<run>\S.*)"), personal=True),
    _mechanism("display manager", "login", r"^/etc/(?:lightdm/|gdm3?/|sddm\.conf(?:\.d/|$))", _lines((r"(?i)^\s*(?:\w+-setup-script|session-wrapper|session-cleanup-script|greeter-wrapper|DisplayCommand|DisplayStopCommand)\s*=\s*(?P<run>\S.*)", 0), (r"(?i)^\s*(?:autologin-user\s*=\s*root|AutomaticLogin\s*=\s*root)\b", 2))),
    _mechanism("desktop start", "login", r"/autostart/[^/]+$|^/usr/share/(?:xsessions|wayland-sessions)/", _lines(r"^\s*(?:Exec|TryExec)\s*=\s*(?P<run>\S.*)"), seldom=True),
    _mechanism("X session", "login", r"^/etc/X11/(?:Xsession\.d/|xinit/|Xsession$|xdm/)|/\.(?:xsession|xinitrc|xprofile|xsessionrc)$", seldom=True),
    _mechanism("shell start file", "login", r"^/etc/(?:profile$|profile\.d/|bash\.bashrc$|bashrc$|bash_completion\.d/|zsh|fish/|csh\.|skel/\.)", _SHELL),
    _mechanism("shell start file of a person", "login", r"/\.(?:\w*profile|\w*login|\w*logout|\w*shrc|\w*shenv|bash_aliases|xonshrc)$|/\.config/fish/.*\.fish$", _SHELL, personal=True),
    _mechanism("environment", "loader", r"^/etc/environment$|/\.pam_environment$|^/etc/security/pam_env\.conf$|^/etc/default/[^/]+$", _lines((r"\bLD_(?:PRELOAD|AUDIT)\s*(?:=|DEFAULT=)\s*[\"']?(?P<load>[^\s\"']+)", 3), (r"^\s*(?:export\s+)?(?:BASH_ENV|ENV|PYTHONSTARTUP|PERL5OPT|PERL5LIB|NODE_OPTIONS|PYTHONPATH|RUBYOPT)\s*=\s*[\"']?(?P<load>\S+)", 2), (r"^\s*(?:export\s+)?PATH\s*=\s*[\"']?(?:/tmp|/var/tmp|/dev/shm|/\S*/\.)", 3)), personal=True),
    _mechanism("ssh login command", "login", r"/\.ssh/rc$|^/etc/ssh/sshrc$", seldom=True),
    _mechanism("ssh client", "login", r"/\.ssh/config$|^/etc/ssh/ssh_config(?:\.d/|$)", _SSH_CLIENT, personal=True),
    _mechanism("ssh server", "authentication", r"^/etc/ssh/sshd_config(?:\.d/|$)", _SSHD),
    _mechanism("trusted hosts", "authentication", r"^/etc/s?hosts\.equiv$|/\.(?:rhosts|shosts|k5login)$", _lines((r"^\s*\+", 3), (r"^\s*(?P<who>[\w.@+/-]+)", 2))),
    _mechanism("editor", "login", r"/\.(?:vimrc|gvimrc|exrc|emacs|nanorc)$|^/etc/vim/vimrc(?:\.local)?$|/nvim/init\.\w+$|/\.vim/(?:after/)?(?:plugin|ftplugin|autoload|ftdetect)/[^/]+$", _lines((r"(?i)^\s*(?:au(?:tocmd)?!?\s.*|sil(?:ent)?!?\s*|call\s+|:)*(?:silent!?\s*)?!\s*(?P<run>[\w/~$.].*)", 1), (r"(?i)\b(?:system|job_start|systemlist)\s*\(\s*[\"'\[](?P<run>[^\"']+)", 1), (r"\((?:shell-command|start-process|call-process|async-shell-command)\s+(?:\"[^\"]*\"\s+\w+\s+)?\"(?P<run>[^\"]+)\"", 1)), personal=True),
    _mechanism("terminal", "login", r"/\.(?:tmux\.conf|screenrc|inputrc)$|^/etc/(?:tmux\.conf|screenrc)$", _lines(r"^\s*(?:run-shell|if-shell|run)\s+(?:-b\s+)?[\"']?(?P<run>[^\"']+)", r"^\s*(?:exec|screen)\s+(?!-)(?P<run>/\S.*)"), personal=True),
    _mechanism("loader path", "loader", r"^/etc/ld\.so\.conf(?:\.d/|$)", _lines((r"^\s*(?P<load>/\S+)", 0)), seldom=True),
    _mechanism("loader preload", "loader", r"^/etc/ld\.so\.preload$", _lines((r"^\s*(?P<load>/\S+)", 4)), seldom=True),
    _mechanism("name service", "loader", r"^/etc/nsswitch\.conf$", _lines((r"^\s*(?:passwd|group|shadow|gshadow|hosts|initgroups|sudoers|netgroup)\s*:\s*(?P<services>.+)", 0))),
    _mechanism("cryptographic library", "loader", r"^/etc/ssl/openssl\.cnf$|^/etc/crypto-policies/|^/etc/pki/tls/openssl\.cnf$|^/etc/gss/|^/etc/pkcs11/", _lines((r"^\s*(?:dynamic_path|module|MODULE_PATH|SO_PATH)\s*[=:]\s*(?P<load>/\S+)", 2))),
    _mechanism("login of Kerberos", "authentication", r"^/etc/krb5\.conf(?:$|\.d/)", _lines((r"^\s*module\s*=\s*\w+:(?P<load>/\S+)", 2), (r"^\s*auth_to_local\s*=\s*RULE:.*/root\b|^\s*auth_to_local_names\b", 1)), personal=True),
    _mechanism("alternative", "loader", r"^/etc/alternatives/[^/]+$", _lines(r"^\Z"), personal=True),
    _mechanism("PAM", "authentication", r"^/(?:etc|usr/lib)/pam\.(?:d/|conf$)", _PAM),
    _mechanism("polkit", "authentication", r"/polkit-1/(?:rules\.d|localauthority(?:\.conf\.d)?)/", _lines((r"\bpolkit\.Result\.(?:YES|AUTH_SELF)\b", 2), (r"(?i)^\s*Result(?:Any|Inactive|Active)\s*=\s*yes", 2), (r"polkit\.spawn\(\[?\s*[\"'](?P<run>[^\"']+)", 3)), seldom=True),
    _mechanism("polkit action", "authentication", r"/polkit-1/actions/", _lines((r"<allow_(?:any|inactive|active)>yes<", 1)), seldom=True),
    _mechanism("D-Bus policy", "authentication", r"/dbus-1/(?:system|session)\.d/|/dbus-1/system-local\.conf", _lines((r"<allow\s+(?:own|send_destination)=\"\*\"", 2)), seldom=True),
    _mechanism("sudo", "authentication", r"^/etc/sudoers(?:\.d/|$)", _SUDO, personal=True),
    _mechanism("account record", "authentication", r"/userdb/[^/]+\.(?:user|group|membership|user-privileged)$|^/var/lib/systemd/home/[^/]+\.home", _lines((r"\"(?:uid|gid)\"\s*:\s*0\b", 4), (r"\"(?P<record>userName|groupName)\"\s*:", 0)), seldom=True),
    _mechanism("account made at start", "authentication", r"/sysusers\.d/", _lines((r"^\s*u\S*\s+(?!root\s)\S+\s+[\"']?0(?::\S+)?[\"']?\s", 4), (r"^\s*u\S*\s+\S+\s.*/(?:ba|da|z|k)?sh\s*$", 1), (r"^\s*m\s+\S+\s+(?:root|sudo|wheel|shadow|disk|docker|kmem)\s*$", 2))),
    _mechanism("subordinate numbers", "authentication", r"^/etc/sub[ug]id$", _lines((r"^[^:#]+:\d{1,4}:\d+\s*$", 3)), personal=True),
    _mechanism("login settings", "authentication", r"^/etc/login\.defs$", _lines((r"^\s*ENCRYPT_METHOD\s+(?:DES|MD5)\b|^\s*MD5_CRYPT_ENAB\s+yes", 2), (r"^\s*(?:FAILLOG_ENAB|LASTLOG_ENAB|SYSLOG_SU_ENAB|LOG_OK_LOGINS)\s+no\b|^\s*LOGIN_RETRIES\s+\d{3}", 1), (r"^\s*(?:FAKE_SHELL|SULOG_FILE|USERDEL_CMD|NONEXISTENT)\s+(?P<run>/\S+)", 1)), personal=True),
    _mechanism("login shells", "authentication", r"^/etc/shells$", _lines((r"^\s*/(?:tmp|var|dev|run|home|root|srv|opt|mnt|usr/(?:share|lib|src|include|games))/\S+", 2), r"^\s*(?P<load>/\S+)"), personal=True),
    _mechanism("who may use cron or at", "authentication", r"^/etc/(?:cron|at)\.allow$", _lines((r"^\s*(?:www-data|apache|nginx|nobody|daemon|bin|sys|games|man|lp|mail|news|uucp|proxy|backup|list|irc|postgres|mysql|redis|tomcat)\s*$", 2), (r"^\s*(?P<who>[\w.-]+)", 1)), personal=True),
    _mechanism("PAM script", "authentication", r"^/etc/security/namespace\.init$"),
    _mechanism("sudo plug-in", "authentication", r"^/etc/sudo\.conf$", _lines((r"^\s*(?:Plugin\s+\S+|Path\s+\S+)\s+(?P<load>/\S+)", 0))),
    _mechanism("doas", "authentication", r"^/etc/doas\.(?:conf|d/)", _lines((r"^\s*permit\s+.*\bnopass\b", 1)), personal=True),
    _mechanism("Python start file", "interpreter", r"/(?:site|dist)-packages/[^/]+\.pth$", _lines((r"^import[ \t](?!os; var = 'SETUPTOOLS_USE_DISTUTILS'|__editable__|_virtualenv\b|coverage\b|distutils-|sys, types, os;|site; exec\(open|_distutils_hack|zope\b|pytest_cov|a1_coverage|protobuf|google_|matplotlib)(?P<code>.*)", 2))),
    _mechanism("Python start file", "interpreter", r"/(?:site|user)customize\.pyc?$", _lines((r"^\s*(?:import|from|exec|eval|os\.|__import__|subprocess)\b(?P<code>.*)", 0)), seldom=True),
    _mechanism("Perl module", "interpreter", r"^/etc/perl/(?!CPAN|Net/libnet|XML/SAX/ParserDetails|sitecustomize_)|^/usr/local/lib/site_perl/", _lines(r"^(?P<code>.*\S.*)$"), seldom=True),
    _mechanism("Node settings", "interpreter", r"/\.npmrc$|^/etc/npmrc$", _lines((r"(?i)^\s*(?:node-options|node_options)\s*=.*(?:--require|-r|--import|--loader)[\s=]+(?P<load>\S+)", 2), (r"(?i)^\s*(?:script-shell|git|prefix-shell|shell)\s*=\s*(?P<run>\S.*)", 2), (r"(?i)^\s*strict-ssl\s*=\s*false", 1)), personal=True),
    _mechanism("modprobe", "kernel", r"/modprobe\.d/|^/etc/modprobe\.conf$", _lines((r"^\s*(?:install|remove)\s+\S+\s+(?!/(?:usr/)?s?bin/(?:true|false)\s*$|(?:/\S+/)?modprobe\s)(?P<run>\S.*)", 2), (r"^\s*alias\s+\S+\s+(?!off\b|null\b)(?P<module>[\w-]+)\s*$", 0), (r"^\s*softdep\s+\S+\s+(?:pre|post):\s*(?P<module>[\w-]+)", 0)), seldom=True),
    _mechanism("module that is built here", "kernel", r"^/usr/src/[^/]+/dkms\.conf$", _lines((r"^\s*(?:PRE|POST)_(?:ADD|BUILD|INSTALL|REMOVE)\w*\s*=\s*[\"']?(?P<run>[^\"']+)", 1))),
    _mechanism("kernel module", "kernel", r"/modules-load\.d/|^/etc/modules$", _lines(r"^\s*(?P<module>[\w-]+)\s*$")),
    _mechanism("kernel setting", "kernel", r"/sysctl\.d/|^/etc/sysctl\.conf$", _SYSCTL),
    _mechanism("binary format", "kernel", r"/binfmt\.d/", _lines((r"^\s*:[^:]*:[ME]:[^:]*:[^:]*:[^:]*:(?P<load>/[^:]+):\w*[CO]\w*\s*$", 3), (r"^\s*:[^:]*:[ME]:[^:]*:[^:]*:[^:]*:(?P<load>/[^:]+):", 2)), seldom=True),
    _mechanism("temporary files", "kernel", r"/(?:user-)?tmpfiles\.d/", _lines((r"^\s*[a-zA-Z]\S*\s+\S+\s+(?:[~:]?)[2467][0-7]{3}\s+root\b", 2), (r"^\s*[CLwf]\S*\s+/(?:usr|bin|sbin|lib|etc/(?:cron|ld\.so|passwd|shadow|sudoers|pam|systemd|profile|ssh)|root)\S*", 2))),
    _mechanism("web server", "web", r"^/etc/(?:apache2|httpd)/.*(?:\.conf|\.load|sites-\w+/[^/]+)$|/conf-available/|/mods-available/", _APACHE),
    _mechanism("web server", "web", r"^/etc/nginx/", _lines((r"(?i)^\s*location\s+[^=\s].*" + _SHOWN + r".*\{\s*fastcgi_pass\s", 2), (r"(?i)\bPHP_(?:ADMIN_)?VALUE\b.*\bauto_(?:prepend|append)_file\s*=\s*(?P<load>[^\s\"';]+)", 3), r"^\s*load_module\s+[\"']?(?P<load>[^\s\"';]+)", (r"(?i)^\s*(?:content|access|init|rewrite)_by_lua\w*\b.*(?:io\.popen|os\.execute)", 3), (r"^\s*perl(?:_set)?\s.*(?:\b(?:system|qx|exec|popen)\b|`)", 3))),
    _mechanism("PHP settings", "web", r"^/etc/php(?:[0-9./]|\.ini|\.d)", _PHP),
    _mechanism("database", "loader", r"^/etc/(?:mysql|my\.cnf|postgresql|redis)|/postgresql\.(?:auto\.)?conf$|/pg_hba\.conf$|^/var/lib/(?:pgsql|postgresql|mysql)/.*\.(?:conf|cnf)$", _lines(r"(?i)^\s*(?:plugin[-_]load(?:[-_]add)?|loadmodule)\s*[= ]\s*(?:\w+=)?(?P<load>/?\S+)", (r"(?i)^\s*init[-_]file\s*=\s*(?P<load>/\S+)", 1), (r"(?i)^\s*(?:archive_command|restore_command|archive_cleanup_command|ssl_passphrase_command)\s*=\s*'(?P<run>[^']+)'", 0), (r"(?i)^\s*host\w*\s+all\s+all\s+(?:0\.0\.0\.0/0|::/0|all)\s+trust", 2), (r"(?i)^\s*dir\s+/(?:var/spool/cron|root|etc|home)", 3))),
    _mechanism("cloud-init", "container", r"^/etc/cloud/cloud\.cfg(?:\.d/|$)", _lines((r"^\s*(?:bootcmd|runcmd)\s*:", 2), (r"(?i)^\s*(?:-\s+)?(?:seed_?from|metadata_urls?|vendor_?data)\s*[:=].*" + OUTSIDE, 2), (r"^\s*-\s*\[?\s*(?:sh\s*,\s*-\w*c\s*,\s*|bash\s*,\s*-\w*c\s*,\s*)?[\"']?(?P<run>/[^\]]+)", 1))),
    _mechanism("cloud-init script", "container", r"^/var/lib/cloud/scripts/(?:per-\w+|vendor)/|^/var/lib/cloud/instance/scripts/", seldom=True),
    _mechanism("static pod", "container", r"/kubernetes/manifests/|/kubelet\.d/|/etc/kubelet", _YAML_POD, seldom=True),
    _mechanism("cluster manifest", "container", r"/rancher/\w+/(?:server/manifests|agent/pod-manifests)/.*\.ya?ml$", _YAML_POD, personal=True),
    _mechanism("kubelet settings", "container", r"^/var/lib/kubelet/config\.yaml$|^/etc/kubernetes/kubelet[^/]*\.ya?ml$", _KUBELET, personal=True),
    _mechanism("container unit", "container", r"/containers/systemd/", _QUADLET),
    _mechanism("compose file", "container", r"/(?:docker-)?compose[^/]*\.ya?ml$", _COMPOSE, personal=True),
    _mechanism("Docker settings", "container", r"^/etc/docker/daemon\.json$|^/etc/containerd/|/hostconfig\.json$|^/etc/containers/containers\.conf|/\.config/containers/containers\.conf", _DOCKER, personal=True),
    _mechanism("container network", "container", r"^/etc/cni/net\.d/", _lines(r"\"type\"\s*:\s*\"(?P<plugin>[^\"]+)\"")),
    _mechanism("container registry", "trust", r"^/etc/containers/registries\.conf(?:$|\.d/)|/\.config/containers/registries\.conf", _REGISTRY, personal=True),
    _mechanism("package source", "trust", r"^/etc/apt/sources\.list(?:\.d/|$)|^/etc/yum\.repos\.d/|^/etc/zypp/repos\.d/|^/etc/apk/repositories", _lines((r"(?i)\[[^\]]*\btrusted\s*=\s*yes|^\s*Trusted\s*:\s*yes|\ballow-insecure\s*=\s*yes", 2), (r"(?i)^\s*(?:repo_)?gpgcheck\s*=\s*0", 2), (r"(?i)^\s*sslverify\s*=\s*(?:0|false)", 2), (r"(?i)\b(?:https?|ftp)://(?:[^@/\s]*@)?" + OUTSIDE, 2)), personal=True),
    _mechanism("package key", "trust", r"^/etc/apt/(?:trusted\.gpg(?:\.d/|$)|keyrings/)|^/etc/pki/rpm-gpg/", _lines(r"^\Z")),
    _mechanism("package pin", "trust", r"^/etc/apt/preferences(?:\.d/|$)", _lines((r"(?i)^\s*Pin-Priority\s*:\s*-\d", 1)), personal=True),
    _mechanism("download settings", "trust", r"/\.(?:curlrc|wgetrc)$|^/etc/wgetrc$|/pip\.conf$", _lines((r"(?i)^\s*(?:insecure|check[_-]certificate\s*=\s*off|trusted-host\s*=)", 1), (r"(?i)^\s*(?:index-url|extra-index-url)\s*=\s*http://", 2)), personal=True),
    _mechanism("journald", "logging", r"/journald\.conf(?:\.d/|$)", _lines((r"(?i)^\s*Storage\s*=\s*none", 2), (r"(?i)^\s*(?:MaxLevelStore|MaxLevelSyslog)\s*=\s*(?:emerg|alert|crit|0|1|2)\b", 2), (r"(?i)^\s*(?:SystemMaxUse|RuntimeMaxUse)\s*=\s*(?:\d{1,3}K?|[1-8]M)\s*$|^\s*MaxRetentionSec\s*=\s*[0-9]{1,4}s?\s*$", 1)), personal=True),
    _mechanism("rotation of logs", "logging", r"^/etc/logrotate\.(?:conf$|d/)", _lines((r"^\s*rotate\s+0\s*$|^\s*maxage\s+[01]\s*$", 1), (r"^\s*shredcycles\s+\d", 1)), personal=True),
    _mechanism("rsyslog filter", "logging", r"^/etc/rsyslog\.(?:conf$|d/)", _lines((r"(?i)^\s*:\w+\s*,\s*\w+\s*,\s*\"[^\"]*(?:\d{1,3}(?:\.\d{1,3}){3}|ssh|sudo|auth|cron|su\b|login|root|COMMAND)[^\"]*\"\s*(?:stop|~)", 2), (r"(?i)^\s*if\b.*(?:ssh|sudo|auth|cron|login|COMMAND|fromhost|\d{1,3}(?:\.\d{1,3}){3}).*\bthen\s+(?:stop|~|\{\s*stop)", 2), (r"(?i)^\s*(?:auth|authpriv|cron)\S*\s+(?:stop|~|/dev/null)\s*$", 2), (r"(?i)^\s*\*\.\*\s+(?:stop|~)\s*$", 3)), personal=True),
    _mechanism("audit", "logging", r"^/etc/audit/", _lines((r"^\s*-e\s+0\s*$", 2), (r"^\s*-a\s+(?:never|exit,never|never,\w+)\b.*", 1), (r"(?i)^\s*write_logs\s*=\s*no|^\s*max_log_file_action\s*=\s*ignore", 2)), personal=True),
    _mechanism("PAM of logins", "authentication", r"^/etc/pam\.d/(?:login|sshd|remote|common-\w+|system-auth|password-auth|sudo|cron|vsftpd|ftp|dovecot|xrdp\S*|gdm\S*|lightdm\S*)$", _lines((r"^\s*-?auth\s+(?:sufficient|\[success=(?:done|ok)[^\]]*\])\s+(?:\S*/)?pam_rootok\.so", 3)), personal=True),
    _mechanism("PAM of shell logins", "authentication", r"^/etc/pam\.d/(?:login|sshd|remote|su|su-l|sudo|sudo-i|common-auth|system-auth|password-auth|cron|cockpit)$", _lines((r"^\s*-?auth\s+(?:sufficient|\[success=(?:done|ok|[1-9])[^\]]*\])\s+(?:\S*/)?pam_(?:userdb|pwdfile|mysql|pgsql|sqlite3?|http|url|unix_ssh|shield|ftp)\.so", 3)), personal=True),
    _mechanism("groups given at login", "authentication", r"^/etc/security/group\.conf$", _lines((r"^[^#;]*;[^#;]*;[^#;]*;[^#;]*;[^#]*\b(?:root|wheel|sudo|admin|disk|shadow|kmem|mem)\b", 3), (r"^[^#;]*;[^#;]*;[^#;]*;[^#;]*;[^#]*\b(?:docker|lxd|lxc|libvirt|incus-admin)\b", 2)), personal=True),
    _mechanism("capabilities given at login", "authentication", r"^/etc/security/capability\.conf$", _lines((r"(?i)^\s*(?!!)(?:all|\S*cap_(?:setuid|setgid|sys_admin|dac_override|dac_read_search|sys_ptrace|sys_module|chown|fowner)\S*)\s+(?!root\s*$)\S", 3)), personal=True),
    _mechanism("task of an editor", "login", r"/\.vscode/(?:tasks|launch|settings)\.json$|/\.idea/(?:workspace|externalTools)\.xml$|/\.devcontainer/devcontainer\.json$", _lines(r"\"(?:command|program|windows|linux|terminal\.integrated\.shell\.linux|python\.defaultInterpreterPath|(?:post|on|initialize)\w*Command)\"\s*:\s*\"(?P<run>[^\"]+)\"", (r"\"runOn\"\s*:\s*\"folderOpen\"", 1)), personal=True),
    _mechanism("assistant", "login", r"/\.(?:claude|gemini|cursor|codex|copilot|windsurf)/[^/]+\.(?:json|toml)$|/\.mcp\.json$", _lines((r"\"?(?:command|cmd|apiKeyHelper|notify)\"?\s*[:=]\s*\[?\s*\"(?P<run>[^\"]+)\"", 0), (r"\"(?:defaultMode|permissionMode)\"\s*:\s*\"bypassPermissions\"|dangerously", 1)), personal=True),
    _mechanism("cloud client", "login", r"/\.aws/cli/alias$|/\.terraformrc$|/\.config/gcloud/.*\.ya?ml$", _lines(r"^\s*\w[\w-]*\s*=\s*!(?P<run>\S.*)", r"^\s*args\s*=\s*\[\s*\"(?P<run>[^\"]+)\""), personal=True),
    _mechanism("build tool", "interpreter", r"/\.cargo/config(?:\.toml)?$|/\.gradle/(?:init\.gradle(?:\.kts)?|init\.d/[^/]+)$|/\.m2/settings\.xml$|/\.config/pip/pip\.conf$|/\.envrc$|/\.pythonrc(?:\.py)?$|/\.(?:irbrc|pryrc|guilerc|ghci|Rprofile|sqliterc|perltidyrc|lldbinit)$|^/etc/(?:R/Rprofile\.site|irbrc)$|/rubygems/defaults/operating_system\.rb$|/rubygems_plugin\.rb$", _lines((r"(?i)^\s*(?:rustc-wrapper|rustc-workspace-wrapper|linker|runner)\s*=\s*\"(?P<run>[^\"]+)\"", 1), (r"\b(?:system2?|exec|spawn|Popen|popen|execute|shell)\s*[( ]\s*[\[(]?\s*[\"'](?P<run>[^\"']+)", 1), (r"^\s*(?:\.shell|\.system|:!|!)\s*(?P<run>\S.*)", 1)), personal=True),
    _mechanism("browser policy", "loader", r"^/etc/(?:opt/)?(?:chrome|chromium(?:-browser)?|edge|brave|firefox(?:-esr)?)/(?:policies|native-messaging-hosts|defaults|distribution)/|/NativeMessagingHosts/[^/]+\.json$|/native-messaging-hosts/[^/]+\.json$", _lines((r"\"path\"\s*:\s*\"(?P<load>/[^\"]+)\"", 0), (r"(?i)(?:ExtensionInstallForcelist|ExtensionSettings|InstallForced|force_installed|ProxySettings|CertificateTransparencyEnforcementDisabled)", 1))),
    _mechanism("debugger", "login", r"/\.gdbinit$|/\.config/gdb/gdbinit$", _lines((r"^\s*(?:shell|!|source)\s+(?P<run>\S.*)", 1)), personal=True),
    _mechanism("desktop entry", "login", r"/\.local/share/applications/[^/]+\.desktop$", _lines(r"^\s*(?:Exec|TryExec)\s*=\s*(?P<run>\S.*)"), personal=True),
    _mechanism("known hosts", "trust", r"/\.ssh/known_hosts2?$|^/etc/ssh/ssh_known_hosts2?$", _lines((r"^\s*@cert-authority\s+(?:\S*,)?\*(?:,|\s)", 2)), personal=True),
    _mechanism("system container", "container", r"/systemd/nspawn/[^/]+\.nspawn$", _NSPAWN),
    _mechanism("system container", "container", r"^/var/lib/lxc/[^/]+/config$|^/etc/lxc/", _LXC, personal=True),
    _mechanism("access control", "authentication", r"^/etc/selinux/config$|^/etc/apparmor\.d/(?:disable|force-complain)/", _lines((r"^\s*SELINUX\s*=\s*(?:disabled|permissive)", 1)), personal=True),
    _mechanism("exported directory", "authentication", r"^/etc/exports(?:$|\.d/)", _lines((r"^\s*/\S*.*\*\([^)]*\bno_root_squash\b", 3), (r"\bno_root_squash\b", 1)), personal=True),
    _mechanism("start script of a server", "service", r"/init\.groovy\.d/[^/]+$", seldom=True),
    _mechanism("process manager", "service", r"/\.pm2/dump\.pm2(?:\.bak)?$", _lines(r"\"pm_exec_path\"\s*:\s*\"(?P<load>/[^\"]+)\"")),
    _mechanism("process manager", "service", r"^/etc/supervis(?:or|ord)(?:/|\.d/|\.conf$)|^/etc/(?:monit\.d|circus|runit|s6)/", _lines(r"^\s*(?:command|exec|cmd)\s*=\s*(?P<run>\S.*)")),
    _mechanism("account creation", "event", r"/(?:adduser|deluser)\.local$|^/etc/(?:adduser|deluser)\.conf$", seldom=True),
    _mechanism("packet filter", "trust", r"^/etc/(?:iptables/|nftables|sysconfig/ip6?tables|ufw/.*\.rules$|firewall)", _FILTER, personal=True),
    _mechanism("ban settings", "logging", r"^/etc/fail2ban/(?:jail|fail2ban)", _lines((r"(?i)^\s*ignoreip\s*=.*(?:\b0\.0\.0\.0/0|::/0)", 2), (r"(?i)^\s*ignoreip\s*=(?:.*[\s,])?" + ELSEWHERE, 1)), personal=True),
    _mechanism("mail filter", "event", r"/(?:\.dovecot\.sieve|sieve/[^/]+\.sieve)$|/\.(?:mailfilter|procmailrc)$", _lines((r"(?i)\bredirect\s+:copy\b", 2), (r"(?i)\bredirect\s+\"", 1), (r"(?i)\bexecute\s+(?::\w+\s+)*\"(?P<run>[^\"]+)", 2), (r"^\s*!\s*\S+@", 1)), personal=True),
    _mechanism("remote management", "service", r"^/etc/(?:salt/minion|puppet(?:labs)?/|chef/|osquery/|teamviewer/|rustdesk|anydesk|amazon/ssm/|cloudflared/|zerotier|netbird|mesh(?:central|agent)|tactical)|/\.config/rustdesk/", _lines((r"(?i)^\s*(?:-\s*)?(?:master|server|(?:custom-)?rendezvous[_-]server|relay[_-]server|url)\s*[:=]\s*[\"']?(?:https?://)?\d{1,3}(?:\.\d{1,3}){3}", 2), (r"(?i)^\s*(?:master|server|tunnel|service)\s*[:=]\s*\S", 1))),
)  # fmt: skip
"""In order: the first whose paths fit a file is the file's; `rsyslog filter` looks at files of `rsyslog` as well."""


SETTINGS = _mechanism("settings", "event", r"^/etc/", (PRELOADED,), personal=True)
"""Files below /etc of no mechanism above: many a daemon has a setting that names a program."""
PERSONAL = _mechanism("settings of a person", "login", r"^/(?:home/[^/]+|root)/\.", (PRELOADED,), personal=True)
"""Settings in homes of no mechanism above: many a client has one that names a program."""
MASKED = _mechanism("masked unit", "logging", r"/systemd/system/[^/]+\.service$", personal=True)
"""A unit that is linked to /dev/null never starts (systemctl(1), `mask`)."""


@cache
def _fitting() -> Callable[[str], tuple[int, ...]]:
    return matching([each.paths for each in MECHANISMS])


def mechanisms_of(path: str) -> tuple[Mechanism, ...]:
    """Return the mechanisms that a file belongs to; empty for an ordinary file."""
    found = tuple(MECHANISMS[place] for place in _fitting()(path))
    return found or ((SETTINGS,) if path.startswith("/etc/") else ())
