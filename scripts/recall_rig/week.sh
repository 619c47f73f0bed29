# What administrators and developers did in an ordinary week on a host that is mail, file, build and container server at once.
account() { id "$1" >/dev/null 2>&1 || useradd -m -s /bin/bash "$1"; }
put() { mkdir -p "${1%/*}"; printf '%s\n' "$2" >"$1"; }
prog() { mkdir -p "${1%/*}"; cp /bin/sleep "$1"; chmod 755 "$1"; }
script() { put "$1" "$2"; chmod 755 "$1"; }
background() { who=$1; name=$2; shift 2; setsid setpriv --reuid="$who" --regid="$who" --init-groups bash -c 'exec -a "$0" "$@"' "$name" "$@" >/dev/null 2>&1 </dev/null & }
for who in mika jonas deploy; do account $who; done
usermod -aG sudo,docker mika; usermod -aG adm jonas
for who in mika jonas; do usermod -p '$6$abcdefgh$0123456789012345678901234567890123456789012345678901234567890123456789012345678901234.' $who; done
for who in node_exporter gitlab-runner api; do useradd -r -s /usr/sbin/nologin -d /var/lib/$who $who; done
# Agents that vendors hand out as a tarball or as one program, each with an account and a unit.
prog /opt/node_exporter-1.8.2.linux-amd64/node_exporter; ln -s /opt/node_exporter-1.8.2.linux-amd64/node_exporter /usr/local/bin/node_exporter
put /etc/systemd/system/node_exporter.service '[Unit]
Description=Prometheus Node Exporter
After=network-online.target
[Service]
User=node_exporter
ExecStart=/usr/local/bin/node_exporter 1000000
Restart=on-failure
[Install]
WantedBy=multi-user.target'
prog /usr/local/bin/gitlab-runner
put /etc/systemd/system/gitlab-runner.service '[Unit]
Description=GitLab Runner
ConditionFileIsExecutable=/usr/local/bin/gitlab-runner
[Service]
StartLimitInterval=5
ExecStart=/usr/local/bin/gitlab-runner 1000000
Restart=always
RestartSec=120
EnvironmentFile=-/etc/sysconfig/gitlab-runner
[Install]
WantedBy=multi-user.target'
put /etc/gitlab-runner/config.toml 'concurrent = 2
[[runners]]
  name = "build1"
  url = "https://git.example.com/"
  executor = "docker"
  [runners.docker]
    image = "debian:stable"
    privileged = false'
prog /opt/vendor-edr/sbin/sensord; put /etc/systemd/system/vendor-edr.service '[Unit]
Description=Endpoint sensor
[Service]
Type=simple
ExecStartPre=/bin/mkdir -p /run/vendor-edr
ExecStart=/opt/vendor-edr/sbin/sensord 1000000
[Install]
WantedBy=multi-user.target'
# Applications of one's own: a virtual environment of Python, a program of node, a servlet, a site of PHP behind nginx.
python3 -m venv --without-pip /srv/api/venv
put /srv/api/app.py 'import http.server, sys
http.server.HTTPServer(("127.0.0.1", 8000), http.server.SimpleHTTPRequestHandler).serve_forever()'
put /srv/api/worker.py 'import time
time.sleep(1000000)'
put /etc/systemd/system/api.service '[Unit]
Description=API
After=network.target mariadb.service
[Service]
User=api
WorkingDirectory=/srv/api
Environment=PYTHONUNBUFFERED=1 APP_ENV=production
ExecStart=/srv/api/venv/bin/python /srv/api/app.py
ExecReload=/bin/kill -HUP $MAINPID
[Install]
WantedBy=multi-user.target'
put /srv/dashboard/index.js 'const http = require("http"); const { execFile } = require("child_process");
http.createServer((q, a) => execFile("/usr/bin/uptime", (e, out) => a.end(out))).listen(4000, "127.0.0.1");'
put /srv/dashboard/package.json '{"name": "dashboard", "scripts": {"start": "node index.js", "postinstall": "node scripts/build.js"}}'
put /etc/supervisor/conf.d/dashboard.conf '[program:dashboard]
command=/usr/bin/node /srv/dashboard/index.js
user=www-data
autorestart=true
stdout_logfile=/var/log/dashboard.log'
put /var/lib/tomcat10/webapps/orders/index.jsp '<%@ page contentType="text/html;charset=UTF-8" %>
<html><body>Hello <c:out value="${param.name}"/>, orders: <%= new java.util.Date() %></body></html>'
put /var/lib/tomcat10/webapps/orders/WEB-INF/web.xml '<web-app/>'
put /var/www/intranet/index.php '<?php
session_start();
require __DIR__ . "/lib/db.php";
$id = (int) ($_GET["id"] ?? 0);
$rows = db()->prepare("SELECT title FROM news WHERE id = ?");
$rows->execute([$id]);
foreach ($rows as $row) { echo htmlspecialchars($row["title"]); }'
put /var/www/intranet/lib/db.php '<?php
function db() { static $pdo; return $pdo ??= new PDO("mysql:host=localhost;dbname=intranet", "intranet", getenv("DB_PASSWORD")); }'
put /var/www/intranet/export.php '<?php
require __DIR__ . "/lib/db.php";
$month = preg_replace("/[^0-9-]/", "", $_GET["month"] ?? "");
header("Content-Type: application/pdf");
passthru("/usr/local/bin/report --month " . escapeshellarg($month));'
cp -r /usr/share/mediawiki /var/www/wiki 2>/dev/null
put /etc/nginx/sites-available/intranet 'server {
  listen 8080;
  root /var/www/intranet;
  location ~ \.php$ { include snippets/fastcgi-php.conf; fastcgi_pass unix:/run/php/php-fpm.sock; }
  location /api/ { proxy_pass http://127.0.0.1:8000/; }
}'
ln -s ../sites-available/intranet /etc/nginx/sites-enabled/intranet; rm -f /etc/nginx/sites-enabled/default
put /etc/uwsgi/apps-enabled/legacy.ini '[uwsgi]
plugins = python3
chdir = /srv/api
module = app:application'
put /etc/haproxy/conf.d/local.cfg 'backend api
  server a 127.0.0.1:8000 check'
# Containers: a stack with a proxy that watches the daemon, and the daemon's own settings.
put /etc/docker/daemon.json '{"log-driver": "json-file", "log-opts": {"max-size": "10m"}, "live-restore": true}'
put /srv/stack/docker-compose.yml 'services:
  traefik:
    image: traefik:v3
    restart: always
    ports: ["80:80", "443:443"]
    volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro", "./acme.json:/acme.json"]
  app:
    image: registry.example.com/app:1.4
    restart: unless-stopped
    env_file: .env'
put /home/mika/.kube/config 'apiVersion: v1
kind: Config
clusters: [{name: prod, cluster: {server: "https://k8s.example.com:6443"}}]
users: [{name: mika, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: kubelogin, args: [get-token]}}}]'
# Jobs: root's crontab by crontab(1), files in cron.d, a timer, an rsync of the night and its receiving key.
printf 'MAILTO=ops@example.com\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n30 2 * * * /usr/local/sbin/backup-rsync\n0 4 * * 0 /usr/sbin/fstrim -a\n@reboot /usr/local/bin/mount-data\n' | crontab -u root -
printf '*/15 * * * * cd /srv/dashboard && /usr/bin/node scripts/refresh.js >> /home/deploy/refresh.log 2>&1\n' | crontab -u deploy -
put /etc/cron.d/certs '12 3 * * * root test -x /usr/bin/certbot && /usr/bin/certbot -q renew --deploy-hook "systemctl reload nginx haproxy"'
script /usr/local/sbin/backup-rsync '#!/bin/bash
set -euo pipefail
trap "rm -f /run/backup.lock" EXIT
[ -e /run/backup.lock ] && exit 0
touch /run/backup.lock
mysqldump --single-transaction --all-databases | gzip > /var/backups/mysql-$(date +%a).sql.gz
rsync -a --delete -e "ssh -i /root/.ssh/backup -o BatchMode=yes" /etc /home /srv /var/backups backup@backup.example.com:/data/$(hostname)/
curl -fsS -m 10 --retry 3 https://hc.example.com/ping/0b1c >/dev/null'
script /usr/local/bin/mount-data '#!/bin/sh
mountpoint -q /data || mount /data'
script /usr/local/bin/report '#!/usr/bin/env python3
import argparse, subprocess
p = argparse.ArgumentParser(); p.add_argument("--month"); a = p.parse_args()
subprocess.run(["/usr/bin/mysql", "-e", "SELECT 1"], check=True)'
script /usr/local/bin/ticket '#!/usr/bin/perl
use strict; my $mail = do { local $/; <STDIN> };
open(my $out, "|-", "/usr/sbin/sendmail", "-t") or die; print $out $mail; close $out;'
script /usr/local/bin/docker-prune '#!/bin/sh
docker system prune -af --filter until=168h'
put /etc/systemd/system/docker-prune.service '[Unit]
Description=Remove unused images
[Service]
Type=oneshot
ExecStart=/usr/local/bin/docker-prune'
put /etc/systemd/system/docker-prune.timer '[Timer]
OnCalendar=weekly
Persistent=true
[Install]
WantedBy=timers.target'
mkdir -p /etc/systemd/system/nginx.service.d; put /etc/systemd/system/nginx.service.d/limits.conf '[Service]
LimitNOFILE=65535
Restart=on-failure
ExecStartPre=/bin/sh -c "nginx -t"'
put /etc/systemd/system/docker.service.d/proxy.conf '[Service]
Environment="HTTPS_PROXY=http://proxy.example.com:3128" "NO_PROXY=localhost,.example.com"'
# Rights and logins.
put /etc/sudoers.d/10-team '# Managed by Ansible
Defaults:%ops timestamp_timeout=15
%ops ALL=(ALL:ALL) ALL
deploy ALL=(root) NOPASSWD: /usr/bin/systemctl restart api, /usr/bin/systemctl reload nginx
nagios ALL=(root) NOPASSWD: /usr/lib/nagios/plugins/check_disk'; chmod 440 /etc/sudoers.d/10-team; groupadd -f ops
put /etc/ssh/sshd_config.d/50-hardening.conf '# Managed by Ansible
PasswordAuthentication no
PermitRootLogin prohibit-password
MaxAuthTries 3
Match Group sftp
  ChrootDirectory /srv/sftp/%u
  ForceCommand internal-sftp
  AllowTcpForwarding no'
for who in mika jonas deploy; do mkdir -p /home/$who/.ssh; chmod 700 /home/$who/.ssh; done
k='ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0gaYYblCzpXcF8ZYcJHVZD8oDCnq6UWq9kGzXm'
echo "${k}eeee mika@laptop" >/home/mika/.ssh/authorized_keys; echo "${k}ffff mika@yubikey" >>/home/mika/.ssh/authorized_keys
echo "${k}gggg jonas@work" >/home/jonas/.ssh/authorized_keys
echo "restrict,command=\"rrsync -ro /srv\" ${k}hhhh backup@backup" >/home/deploy/.ssh/authorized_keys
echo "from=\"10.1.0.0/16\" ${k}iiii ansible@control" >>/root/.ssh/authorized_keys; chmod 600 /home/*/.ssh/authorized_keys
put /root/.ssh/config 'Host backup.example.com
  IdentityFile ~/.ssh/backup
  User backup
Host *.internal
  ProxyCommand ssh -W %h:%p bastion.example.com'
grep -q pam_mkhomedir /etc/pam.d/common-session || echo 'session optional pam_mkhomedir.so umask=0077' >>/etc/pam.d/common-session
sed -i 's/^# auth       required   pam_wheel.so$/auth       required   pam_wheel.so/' /etc/pam.d/su
put /etc/security/limits.d/90-local.conf '* soft nofile 65536'
put /etc/polkit-1/rules.d/50-libvirt-ops.rules 'polkit.addRule(function(action, subject) {
  if (action.id == "org.libvirt.unix.manage" && subject.isInGroup("ops")) { return polkit.Result.YES; }
});'
# Network: names, a firewall, tunnels, shares, mail.
put /etc/nftables.conf '#!/usr/sbin/nft -f
flush ruleset
table inet filter {
  chain input {
    type filter hook input priority 0; policy accept;
    ct state established,related accept
    tcp dport { 22, 25, 80, 443, 993, 8080 } accept
  }
}
table ip nat { chain post { type nat hook postrouting priority 100; oifname "wg0" masquerade; } }'
put /etc/iptables/rules.v4 '*filter
:INPUT ACCEPT [0:0]
-A INPUT -p tcp --dport 3306 -s 10.1.0.0/16 -j ACCEPT
-A INPUT -p tcp --dport 3306 -j DROP
COMMIT'
put /etc/wireguard/wg0.conf '[Interface]
Address = 10.8.0.1/24
ListenPort = 51820
PostUp = iptables -A FORWARD -i %i -j ACCEPT; iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE
PostDown = iptables -D FORWARD -i %i -j ACCEPT; iptables -t nat -D POSTROUTING -o eth0 -j MASQUERADE
[Peer]
PublicKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
AllowedIPs = 10.8.0.2/32'
put /etc/openvpn/server/office.conf 'port 1194
proto udp
dev tun
plugin /usr/lib/x86_64-linux-gnu/openvpn/plugins/openvpn-plugin-auth-pam.so login
client-connect /etc/openvpn/scripts/connect.sh
script-security 2'
script /etc/openvpn/scripts/connect.sh '#!/bin/sh
logger -t openvpn "$common_name connected from $trusted_ip"'
put /etc/network/interfaces.d/eth1 'auto eth1
iface eth1 inet static
  address 10.1.2.3/24
  up ip route add 10.9.0.0/16 via 10.1.2.1 dev eth1 || true'
script /etc/NetworkManager/dispatcher.d/70-routes '#!/bin/sh
[ "$2" = up ] && ip route replace 10.20.0.0/16 via 10.1.2.1
exit 0'
printf '[projects]\n  path = /srv/projects\n  valid users = @ops\n  root preexec = /usr/bin/install -d -o %%U /srv/projects/%%U\n' >>/etc/samba/smb.conf
printf '/srv/projects 10.1.0.0/16(rw,sync,no_subtree_check)\n' >>/etc/exports
printf 'support: "|/usr/local/bin/ticket"\nops: mika, jonas\n' >>/etc/aliases
put /home/jonas/.forward 'jonas@example.org'
put /home/jonas/.procmailrc ':0 fw: spamassassin.lock
| /usr/bin/spamc
:0
* ^List-Id:.*debian
lists/'
put /etc/bind/named.conf.local 'zone "internal" { type master; file "/etc/bind/db.internal"; allow-transfer { 10.1.2.5; }; };'
printf '10.1.2.5 ns2.internal\n10.1.2.9 git.example.com registry.example.com\n127.0.1.1 build1.internal build1\n' >>/etc/hosts
# Trust: the company's authority, a vendor's repository with a key of its own.
openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj '/CN=Example Corp Root' -days 3650 -out /usr/local/share/ca-certificates/corp.crt 2>/dev/null; update-ca-certificates >/dev/null 2>&1
put /etc/apt/keyrings/docker.asc '-----BEGIN PGP PUBLIC KEY BLOCK-----
mQINBFit2ioBEADhWpZ8/wvZ6hUTiXOwQHXMAlaFHcPH9hAtr4F1y2+OYdbtMuth
-----END PGP PUBLIC KEY BLOCK-----'
put /etc/apt/sources.list.d/docker.list 'deb [arch=amd64 signed-by=/etc/apt/keyrings/docker.asc] https://download.docker.com/linux/debian stable stable'
put /etc/apt/preferences.d/docker 'Package: docker*
Pin: origin download.docker.com
Pin-Priority: 900'
put /etc/apt/apt.conf.d/52unattended-local 'Unattended-Upgrade::Mail "ops@example.com";
Unattended-Upgrade::Automatic-Reboot "true";'
put /etc/needrestart/conf.d/local.conf '$nrconf{restart} = "a";'
# Hooks and settings of the system.
put /etc/profile.d/company.sh 'export http_proxy=http://proxy.example.com:3128 no_proxy=localhost,.example.com
umask 027
[ -n "$PS1" ] && echo "build1: production, think first"'
script /etc/update-motd.d/60-owner '#!/bin/sh
echo "Owner: platform team, ops@example.com"
df -h / | tail -1'
put /etc/ld.so.conf.d/oracle.conf /opt/oracle/instantclient_21_9; mkdir -p /opt/oracle/instantclient_21_9; cp "$(ls /usr/lib/x86_64-linux-gnu/libz.so.1.* | head -1)" /opt/oracle/instantclient_21_9/libclntsh.so.21.1; ldconfig
put /etc/sysctl.d/90-tuning.conf 'fs.inotify.max_user_watches = 524288
net.ipv4.ip_forward = 1
vm.max_map_count = 262144
kernel.core_pattern = /var/crash/core.%e.%p'
put /etc/modules-load.d/local.conf 'br_netfilter
overlay'
put /etc/udev/rules.d/70-serial.rules 'SUBSYSTEM=="tty", ATTRS{idVendor}=="0403", SYMLINK+="ups0", GROUP="dialout"'
put /etc/rsyslog.d/10-central.conf '*.* @@logs.example.com:6514'
put /etc/logrotate.d/dashboard '/var/log/dashboard.log {
  daily
  rotate 14
  postrotate
    supervisorctl restart dashboard >/dev/null
  endscript
}'
put /etc/audit/rules.d/local.rules '-w /etc/passwd -p wa -k identity
-w /etc/sudoers.d -p wa -k sudo'
put /etc/cloud/cloud.cfg.d/90-local.cfg 'runcmd:
  - [systemctl, restart, chrony]
package_update: true'
put /etc/icinga2/conf.d/local.conf 'object CheckCommand "api" { command = [ "/usr/lib/nagios/plugins/check_http", "-H", "127.0.0.1" ] }'
put /etc/zabbix/zabbix_agent2.d/local.conf 'UserParameter=queue.length,mailq | tail -1 | cut -d" " -f5'
put /etc/munin/plugin-conf.d/local '[df*]
env.exclude none tmpfs'
put /etc/ansible/hosts '[build]
build1 ansible_connection=local'
mkdir -p /root/.ansible/tmp /root/.ansible/cp
put /etc/dkms/local.conf 'autoinstall_all_kernels=""'
# Repositories with hooks; dotfiles, tools and desktops of people.
git init -q --bare /srv/git/app.git
script /srv/git/app.git/hooks/post-receive '#!/bin/bash
while read old new ref; do
  [ "$ref" = refs/heads/main ] && GIT_WORK_TREE=/srv/dashboard git checkout -f main && sudo systemctl restart api
done'
mkdir -p /home/mika/src; git init -q /home/mika/src/app
script /home/mika/src/app/.git/hooks/pre-commit '#!/usr/bin/env bash
# File generated by pre-commit: https://pre-commit.com
INSTALL_PYTHON=/home/mika/.local/bin/python3
ARGS=(hook-impl --config=.pre-commit-config.yaml --hook-type=pre-commit)
HERE="$(cd "$(dirname "$0")" && pwd)"
ARGS+=(--hook-dir "$HERE" -- "$@")
exec "$INSTALL_PYTHON" -mpre_commit "${ARGS[@]}"'
cat >>/home/mika/.bashrc <<'END'
export PATH="$HOME/.cargo/bin:$HOME/go/bin:$HOME/.local/bin:$PATH"
[ -f ~/.fzf.bash ] && source ~/.fzf.bash
eval "$(starship init bash)"
eval "$(direnv hook bash)"
alias k=kubectl dc='docker compose' ll='ls -la'
complete -C /usr/local/bin/terraform terraform
mkcd() { mkdir -p "$1" && cd "$1"; }
if [ -z "$SSH_AUTH_SOCK" ]; then eval "$(ssh-agent -s)" >/dev/null; fi
END
put /home/jonas/.zshrc 'export ZSH="$HOME/.oh-my-zsh"
plugins=(git docker kubectl)
source $ZSH/oh-my-zsh.sh
export EDITOR=vim'
put /home/jonas/.config/fish/config.fish 'set -gx PATH $HOME/.local/bin $PATH
alias gs "git status"'
put /home/mika/.gitconfig '[user]
  name = Mika
[credential]
  helper = store
[core]
  pager = delta
[filter "lfs"]
  process = git-lfs filter-process
  required = true
[alias]
  undo = !git reset --soft HEAD~1'
put /home/mika/.config/autostart/nextcloud.desktop '[Desktop Entry]
Type=Application
Name=Nextcloud
Exec=/usr/bin/nextcloud --background'
put /home/mika/.xsessionrc 'setxkbmap de'
put /home/mika/.config/systemd/user/backup.service '[Service]
ExecStart=/usr/bin/borg create ::{now} %h'
put /home/mika/.config/systemd/user/backup.timer '[Timer]
OnCalendar=daily'
put /home/mika/.config/pip/pip.conf '[global]
index-url = https://pypi.example.com/simple'
for tool in poetry aws terraform-ls; do prog /home/mika/.local/bin/$tool; done
prog /home/mika/.vscode-server/cli/servers/Stable-384f/server/node; mkdir -p /home/mika/.vscode-server/extensions
prog /home/deploy/.nvm/versions/node/v20.11.0/bin/node
prog /usr/local/bin/kubectl; prog /usr/local/bin/terraform; prog /usr/local/go/bin/go
chown -R mika: /home/mika; chown -R jonas: /home/jonas; chown -R deploy: /home/deploy; chown -R api: /srv/api; chown -R www-data: /var/www/intranet
# What lies about and what runs.
script /tmp/install-docker.sh '#!/bin/sh
set -e
apt-get update -qq && apt-get install -y -qq docker-ce'
put /tmp/dump.sql 'CREATE TABLE news (id int);'; mkdir -p /tmp/build-7f3a && script /tmp/build-7f3a/configure '#!/bin/sh
echo checking for gcc'
put /var/tmp/kdump-notes.txt 'crash at 03:12'; mkdir -p /tmp/.X11-unix /tmp/.ICE-unix; chown mika: /tmp/dump.sql
systemctl daemon-reload
systemctl enable --now node_exporter gitlab-runner vendor-edr api docker-prune.timer 2>/dev/null
systemctl restart supervisor 2>/dev/null
background mika /home/mika/.vscode-server/cli/servers/Stable-384f/server/node /home/mika/.vscode-server/cli/servers/Stable-384f/server/node 1000000
background deploy 'PM2 v5.3.1: God Daemon (/home/deploy/.pm2)' /home/deploy/.nvm/versions/node/v20.11.0/bin/node 1000000
background api 'gunicorn: master [legacy]' /srv/api/venv/bin/python /srv/api/worker.py
su mika -c 'screen -dmS work sleep 100000; tmux new-session -d -s build "sleep 100000"' 2>/dev/null
setsid tcpdump -Z root -ni any -w /root/slow-dns.pcap udp port 53 >/dev/null 2>&1 </dev/null &
setsid strace -f -o /root/api.strace sleep 100000 >/dev/null 2>&1 </dev/null &
cat >/root/.bash_history <<'END'
apt update
apt list --upgradable
apt full-upgrade
curl -fsSL https://download.docker.com/linux/debian/gpg -o /etc/apt/keyrings/docker.asc
wget https://github.com/prometheus/node_exporter/releases/download/v1.8.2/node_exporter-1.8.2.linux-amd64.tar.gz
tar xzf node_exporter-1.8.2.linux-amd64.tar.gz -C /opt
ln -s /opt/node_exporter-1.8.2.linux-amd64/node_exporter /usr/local/bin/
useradd -r -s /usr/sbin/nologin node_exporter
vim /etc/systemd/system/node_exporter.service
systemctl daemon-reload
systemctl enable --now node_exporter
curl -s localhost:9100/metrics | head
curl -L https://packages.gitlab.com/install/repositories/runner/gitlab-runner/script.deb.sh -o script.deb.sh
less script.deb.sh
bash script.deb.sh
crontab -e
visudo -f /etc/sudoers.d/10-team
tcpdump -ni any -w /root/slow-dns.pcap udp port 53
strace -f -p $(pgrep -f app.py) -o /root/api.strace
kubectl get secret db -o jsonpath='{.data.password}' | base64 -d
nft -f /etc/nftables.conf
iptables -t nat -L -n -v
iptables-save > /etc/iptables/rules.v4
wg-quick up wg0
ssh-keygen -t ed25519 -f /root/.ssh/backup -N ''
ssh-copy-id -i /root/.ssh/backup backup@backup.example.com
rsync -avn /srv/ backup@backup.example.com:/data/
update-ca-certificates
certbot certonly --nginx -d build1.example.com
openssl s_client -connect backup.example.com:443
docker compose up -d
docker logs -f traefik
docker exec -it app sh
docker run --rm -v /srv:/srv alpine chown -R 1000 /srv/projects
chattr +i /etc/resolv.conf
lsattr /etc/resolv.conf
setcap cap_net_raw+ep /usr/local/bin/gitlab-runner
setcap -r /usr/local/bin/gitlab-runner
find /var/log -name '*.gz' -mtime +90 -delete
journalctl --vacuum-time=14d
du -xsh /var/* | sort -h
rm -rf /tmp/build-*
kill -9 4711
systemctl stop clamav-freshclam
freshclam
systemctl start clamav-freshclam
passwd jonas
usermod -aG docker mika
last -n 20
grep 'Failed password' /var/log/auth.log | awk '{print $11}' | sort | uniq -c
history | grep rsync
virsh list --all
smbpasswd -a mika
exportfs -ra
rndc reload
postqueue -p
puppet agent -t --noop
ansible-playbook site.yml --check
reboot
END
cat >/home/mika/.bash_history <<'END'
git clone git@git.example.com:platform/app.git
cd app && python3 -m venv .venv && . .venv/bin/activate
pip install -r requirements.txt
pre-commit install
docker build -t registry.example.com/app:1.4 .
docker push registry.example.com/app:1.4
kubectl -n prod rollout restart deploy/app
kubectl port-forward svc/db 5432:5432
ssh -N -L 8443:10.1.2.9:443 bastion.example.com
curl -sSL https://install.python-poetry.org | python3 -
curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
scp build1:/var/backups/mysql-Mon.sql.gz .
sudo -i
nc -zv 10.1.2.9 443
python3 -m http.server 8001
echo "$DB_PASSWORD" | base64
tmux attach
chmod 600 ~/.ssh/id_ed25519
ssh-add
END
now=$(date '+%FT%T+00:00')
for n in 1 2 3 4; do echo "$now build1 sshd[9]: Accepted publickey for mika from 10.1.2.9 port 4022 ssh2: ED25519 SHA256:x" >>/var/log/auth.log; done
for n in $(seq 40); do echo "$now build1 sshd[9]: Failed password for invalid user oracle from 192.0.2.$n port 4022 ssh2" >>/var/log/auth.log; done
echo "$now build1 sudo:     mika : TTY=pts/0 ; PWD=/home/mika ; USER=root ; COMMAND=/bin/bash" >>/var/log/auth.log
chattr +i /etc/resolv.conf 2>/dev/null
chown mika: /home/mika/.bash_history; chmod 600 /home/mika/.bash_history /root/.bash_history
exit 0
