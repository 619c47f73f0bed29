"""The profile `volatile`: what is gone when a process ends or the host restarts, most volatile first (RFC 3227, 2.1).

It runs few programs and reads nearly nothing from disk, so that access times still tell something afterwards.
"""

from __future__ import annotations

from tasks.evidence.definition import Definition
from tasks.evidence.source import Archive, Run, Script, Show, Strings, Walk

CLOCK = Definition(
    id="clock",
    about="The host's clock, to be set against the controller's, with uptime, kernel, boot parameters and taint.",
    reads=(
        Script(name="clock"),
        Show(
            paths=(
                "/proc/uptime",
                "/proc/loadavg",
                "/proc/version",
                "/proc/cmdline",
                "/proc/sys/kernel/hostname",
                "/proc/sys/kernel/tainted",
                "/proc/sys/kernel/random/boot_id",
                "/etc/machine-id",
                "/etc/os-release",
            )
        ),
        Run(commands=(("uname -a",), ("id",))),
    ),
)
MOUNTS = Definition(
    id="mounts",
    about="Mounts: what hides a directory or a process by lying over it, and which access times can be believed "
    "(relatime, noatime).",
    reads=(Show(paths=("/proc/self/mountinfo", "/proc/mounts", "/proc/swaps")),),
)

VOLATILE = (
    CLOCK,
    MOUNTS,
    Definition(
        id="processes",
        about="Every process as the kernel describes it: state, parent, start, owners, capabilities, tracer.",
        reads=(Show(paths=("/proc/[0-9]*/stat", "/proc/[0-9]*/status")),),
        races=True,
    ),
    Definition(
        id="process-arguments",
        about="Command lines, an argument a line; a process can rewrite its own.",
        reads=(Strings(paths=("/proc/[0-9]*/cmdline",)),),
        races=True,
    ),
    Definition(
        id="process-links",
        about="What each process runs, where it stands, and its open files, sockets and namespaces; "
        "`(deleted)` and `memfd:` mark what has no file.",
        reads=(
            Walk(
                paths=(
                    "/proc/[0-9]*/exe",
                    "/proc/[0-9]*/cwd",
                    "/proc/[0-9]*/root",
                    "/proc/[0-9]*/fd",
                    "/proc/[0-9]*/ns",
                ),
                tests=("-type", "l"),
            ),
        ),
        suffix="body",
        deadline=60,
        races=True,
    ),
    Definition(
        id="process-list",
        about="The same processes by ps(1): what /proc has and this has not, the host's ps hides.",
        reads=(
            Run(
                commands=(
                    ("ps axwwo pid,ppid,pgid,sid,uid,euid,tty,stat,lstart,time,rss,nlwp,comm,args",),
                    ("ps aux", "ps"),
                )
            ),
        ),
    ),
    Definition(
        id="hidden-processes",
        about="Processes that exist though /proc does not list them, found by asking for every number; "
        "none found means no discrepancy seen, no more.",
        reads=(Script(name="hidden_processes"),),
        deadline=90,
    ),
    Definition(
        id="process-relations",
        about="Two more listings of processes that a rootkit has to forge as well: children and control groups.",
        reads=(
            Show(paths=("/proc/[0-9]*/task/*/children",)),
            Script(name="control_groups"),
        ),
        races=True,
    ),
    Definition(
        id="sockets",
        about="The kernel's tables of sockets, in every network namespace that a process lives in.",
        reads=(Script(name="sockets", uses=("show",)),),
        deadline=60,
        races=True,
    ),
    Definition(
        id="modules",
        about="Kernel modules in three views, which agree unless one hides.",
        reads=(
            Show(paths=("/proc/modules", "/sys/module/*/initstate", "/sys/module/*/taint")),
            Script(name="symbol_modules"),
        ),
    ),
    Definition(
        id="socket-list",
        about="Sockets with their processes by ss(8) or netstat(8), to be set against the kernel's tables.",
        reads=(Run(commands=(("ss -a -n -p -e -t -u -w -x -0", "netstat -a -n -p", "netstat -a -n"),)),),
    ),
    Definition(
        id="connection-tracking",
        about="Connections that the packet filter remembers, those of hidden processes and of forwarding too.",
        reads=(Show(paths=("/proc/net/nf_conntrack", "/proc/net/ip_conntrack", "/proc/net/stat/nf_conntrack")),),
    ),
    Definition(
        id="interfaces",
        about="Interfaces, addresses and counters; a flag 0x100 is promiscuous, whatever ifconfig(8) says.",
        reads=(
            Show(paths=("/proc/net/dev", "/proc/net/if_inet6", "/sys/class/net/*/flags", "/sys/class/net/*/address")),
            Run(commands=(("ip -d -s address show", "ip address show", "ifconfig -a"),)),
        ),
    ),
    Definition(
        id="routes",
        about="Routes and rules of every table.",
        reads=(
            Show(paths=("/proc/net/route", "/proc/net/ipv6_route", "/proc/net/fib_trie")),
            Run(commands=(("ip route show table all", "route -n"),)),
            Run(commands=(("ip -6 route show table all",), ("ip rule show",), ("ip -6 rule show",)), optional=True),
        ),
    ),
    Definition(
        id="neighbours",
        about="Neighbours on the segment and groups joined: other hosts that it talked to of late.",
        reads=(
            Show(paths=("/proc/net/arp", "/proc/net/igmp", "/proc/net/igmp6")),
            Run(commands=(("ip -s neighbour show", "arp -a -n"),)),
        ),
    ),
    Definition(
        id="packet-filter",
        about="Rules of nftables and iptables, where the kernel has them loaded.",
        reads=(Script(name="packet_filter", uses=("run",)),),
    ),
    Definition(
        id="sessions",
        about="Who is logged in now, by utmp(5) and by logind.",
        reads=(
            Run(commands=(("who -a", "who"),)),
            Run(commands=(("w -i",), ("loginctl list-sessions --no-pager",)), optional=True),
        ),
    ),
    Definition(
        id="login-records",
        about="The raw record of sessions that who(1) reads, where /run has it.",
        reads=(Archive(paths=("/run/utmp", "/run/systemd/sessions", "/run/systemd/users")),),
        suffix="tar",
    ),
    Definition(
        id="preload",
        about="Libraries forced into every program: ld.so's own file, and the programs told so one by one.",
        reads=(
            Show(paths=("/etc/ld.so.preload",)),
            Script(name="loader_variables", uses=("strings",)),
        ),
        races=True,
    ),
    Definition(
        id="process-environments",
        about="Environments of the processes; they may hold passwords.",
        reads=(Strings(paths=("/proc/[0-9]*/environ",)),),
        races=True,
        deadline=60,
    ),
    Definition(
        id="process-code",
        about="Executable mappings of every process: injected libraries, code without a file.",
        reads=(Script(name="executable_mappings"),),
        races=True,
    ),
    Definition(
        id="deleted-executables",
        about="Programs that run though their file is gone or never was: the files themselves, from memory's side.",
        reads=(Script(name="deleted_executables"),),
        suffix="tar",
        cap=256 << 20,
        deadline=120,
    ),
    Definition(
        id="kernel-log",
        about="The kernel's ring buffer: modules loaded, crashes, promiscuous interfaces.",
        reads=(Run(commands=(("dmesg --time-format=iso", "dmesg"),)),),
    ),
    Definition(
        id="kernel-settings",
        about="All settings below /proc/sys: forwarding, address randomisation, what the kernel runs on a crash.",
        reads=(Script(name="kernel_settings"),),
        races=True,
    ),
    Definition(
        id="kernel-hooks",
        about="What has hooked itself into the kernel: probes, traced functions, BPF programs, interpreters, keys.",
        reads=(
            Show(
                paths=(
                    "/sys/kernel/tracing/kprobe_events",
                    "/sys/kernel/tracing/uprobe_events",
                    "/sys/kernel/tracing/enabled_functions",
                    "/sys/kernel/debug/kprobes/list",
                    "/proc/sys/fs/binfmt_misc/*",
                    "/proc/keys",
                    "/proc/key-users",
                )
            ),
            Run(commands=(("bpftool prog show",), ("bpftool link show",)), optional=True),
            Walk(paths=("/sys/fs/bpf",)),
        ),
        races=True,
    ),
    Definition(
        id="memory",
        about="Use of memory and processor, interrupts and timers: a miner or a capture shows in the figures.",
        reads=(
            Show(paths=("/proc/meminfo", "/proc/vmstat", "/proc/stat", "/proc/interrupts", "/proc/softirqs")),
            Show(paths=("/proc/pressure/*", "/proc/diskstats")),
        ),
    ),
    Definition(
        id="shared-memory",
        about="Shared memory, semaphores, queues and file locks.",
        reads=(Show(paths=("/proc/sysvipc/*", "/proc/locks")),),
    ),
    Definition(
        id="block-devices",
        about="Disks and partitions, with the files behind loop devices.",
        reads=(
            Show(
                paths=(
                    "/proc/partitions",
                    "/proc/mdstat",
                    "/sys/block/*/loop/backing_file",
                    "/sys/block/dm-*/dm/name",
                )
            ),
        ),
    ),
    Definition(
        id="device-directory",
        about="Regular files and directories below /dev, where they have no business.",
        reads=(Walk(paths=("/dev",), tests=("(", "-type", "f", "-o", "-type", "d", ")")),),
        suffix="body",
    ),
    Definition(
        id="units",
        about="Units, timers and sockets of systemd as they run now, started by hand ones too.",
        reads=(
            Run(
                commands=(
                    ("systemctl list-units --all --full --plain --no-pager",),
                    ("systemctl list-timers --all --full --no-pager",),
                    ("systemctl list-sockets --all --full --no-pager",),
                    ("systemctl list-unit-files --full --no-pager",),
                ),
                optional=True,
            ),
        ),
        deadline=30,
    ),
    Definition(
        id="transient-units",
        about="Units that live in /run alone, and are gone after a restart.",
        reads=(Archive(paths=("/run/systemd/system", "/run/systemd/transient", "/run/systemd/generator*")),),
        suffix="tar",
    ),
    Definition(
        id="containers",
        about="Containers, as a running Docker daemon lists them, and what runtimes keep in /run.",
        reads=(
            Script(name="containers", uses=("run",)),
            Walk(
                paths=(
                    "/run/containers",
                    "/run/containerd",
                    "/run/crio",
                    "/run/lxc",
                    "/run/systemd/machines",
                    "/run/netns",
                ),
            ),
        ),
        races=True,
    ),
    Definition(
        id="collector",
        about="How this collection itself looks on the host, so that its own traces are not taken for an intruder's.",
        reads=(
            Show(paths=("/proc/self/stat", "/proc/self/status", "/proc/self/cgroup", "/proc/self/loginuid")),
            Strings(paths=("/proc/self/environ",)),
        ),
    ),
)
