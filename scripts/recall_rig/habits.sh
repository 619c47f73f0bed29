# What people do on a host where nothing is wrong: a deployed shop, jobs, units, keys, dotfiles and histories of their own.
account() { id "$1" >/dev/null 2>&1 || useradd -m -s /bin/bash "$1"; }
put() { mkdir -p "${1%/*}"; printf '%s\n' "$2" >"$1"; }
for who in mika jonas; do account $who; done
usermod -aG sudo mika; usermod -aG adm jonas
usermod -p '$6$abcdefgh$0123456789012345678901234567890123456789012345678901234567890123456789012345678901234.' mika
useradd -r -s /usr/sbin/nologin -d /opt/shop shopd
# WordPress in its docroot, with a plug-in's own settings.
cp -r /usr/share/wordpress/. /var/www/html/; rm -f /var/www/html/index.html
put /var/www/html/wp-config.php "<?php define('DB_NAME', 'wp'); define('AUTH_KEY', 'x1'); require_once ABSPATH . 'wp-settings.php';"
put /var/www/html/.htaccess '# BEGIN WordPress
<IfModule mod_rewrite.c>
RewriteEngine On
RewriteBase /
RewriteRule ^index\.php$ - [L]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteRule . /index.php [L]
</IfModule>
# END WordPress'
put /var/www/html/.user.ini "; Wordfence WAF
auto_prepend_file = '/var/www/html/wordfence-waf.php'
; END Wordfence WAF"
put /var/www/html/wordfence-waf.php "<?php
// Before removing this file, please verify the PHP ini setting \`auto_prepend_file\` does not point to this.
if (file_exists(__DIR__.'/wp-content/plugins/wordfence/waf/bootstrap.php')) {
    define('WFWAF_LOG_PATH', __DIR__.'/wp-content/wflogs/');
    include_once __DIR__.'/wp-content/plugins/wordfence/waf/bootstrap.php';
}"
mkdir -p /var/www/html/wp-content/uploads/2026/11; cp /usr/share/wordpress/wp-admin/images/*.png /var/www/html/wp-content/uploads/2026/11/ 2>/dev/null
put /var/www/html/wp-content/uploads/index.php '<?php // Silence is golden.'
chown -R www-data: /var/www/html
# A node service, a vendor's agent, scripts and jobs of one's own.
put /opt/shop/server.js 'require("http").createServer((q, a) => a.end("ok")).listen(3000, "127.0.0.1")'
put /etc/systemd/system/shop.service '[Unit]
Description=Shop API
After=network.target
[Service]
User=shopd
WorkingDirectory=/opt/shop
ExecStart=/usr/bin/node /opt/shop/server.js
Restart=always
Environment=NODE_ENV=production
[Install]
WantedBy=multi-user.target'
mkdir -p /opt/vendor/agent/bin; cp /bin/sleep /opt/vendor/agent/bin/agentd; put /opt/vendor/agent/etc/agent.conf 'server = metrics.example.com'
put /etc/systemd/system/vendor-agent.service '[Unit]
Description=Vendor agent
[Service]
ExecStart=/opt/vendor/agent/bin/agentd 1000000
[Install]
WantedBy=multi-user.target'
systemctl daemon-reload; systemctl enable --now shop.service vendor-agent.service 2>/dev/null
mkdir -p /etc/systemd/system/apache2.service.d; put /etc/systemd/system/apache2.service.d/override.conf '[Service]
LimitNOFILE=65536
PrivateTmp=true'
put /usr/local/bin/backup-db '#!/bin/sh
mysqldump --all-databases | gzip > /var/backups/db.sql.gz
find /var/backups -name "*.gz" -mtime +14 -delete'
put /usr/local/sbin/deploy '#!/bin/bash
set -e
cd /opt/shop && git pull && npm ci && systemctl restart shop'
put /usr/local/bin/healthcheck '#!/bin/sh
curl -fsS http://127.0.0.1:3000/ >/dev/null || systemctl restart shop'
chmod 755 /usr/local/bin/* /usr/local/sbin/*
put /etc/cron.d/backup 'MAILTO=ops@example.com
15 3 * * * root /usr/local/bin/backup-db'
put /etc/cron.d/shop '*/5 * * * * root /usr/local/bin/healthcheck >/dev/null 2>&1'
put /var/spool/cron/crontabs/mika '0 7 * * 1 /home/mika/bin/report.sh'; chown mika:crontab /var/spool/cron/crontabs/mika; chmod 600 /var/spool/cron/crontabs/mika
put /var/spool/cron/crontabs/www-data '*/10 * * * * php /var/www/html/wp-cron.php >/dev/null 2>&1'; chown www-data:crontab /var/spool/cron/crontabs/www-data
put /home/mika/bin/report.sh '#!/bin/sh
df -h | mail -s disk ops@example.com'; chmod 755 /home/mika/bin/report.sh
put /etc/cron.daily/prune-images '#!/bin/sh
podman image prune -f >/dev/null'; chmod 755 /etc/cron.daily/prune-images
put /etc/rc.local '#!/bin/sh -e
echo 1 > /proc/sys/net/ipv4/tcp_syncookies
exit 0'; chmod 755 /etc/rc.local
put /etc/logrotate.d/shop '/var/log/shop/*.log {
  weekly
  postrotate
    systemctl reload shop >/dev/null 2>&1 || true
  endscript
}'
put /etc/sysctl.d/60-tuning.conf 'net.core.somaxconn = 1024
vm.swappiness = 10
net.ipv4.ip_forward = 1'
put /etc/modprobe.d/blacklist-local.conf 'blacklist floppy
install dccp /bin/true
install usb-storage /bin/false'
put /etc/profile.d/zz-local.sh 'export EDITOR=vim
export PATH=$PATH:/opt/vendor/agent/bin
alias ll="ls -l"'
put /etc/apt/apt.conf.d/52local 'APT::Periodic::Unattended-Upgrade "1";
Unattended-Upgrade::Automatic-Reboot "false";'
put /etc/apt/apt.conf.d/01proxy 'Acquire::http::Proxy "http://apt-cache.example.com:3142";'
put /etc/udev/rules.d/60-ssd.rules 'ACTION=="add|change", KERNEL=="sd[a-z]", ATTR{queue/rotational}=="0", ATTR{queue/scheduler}="none"'
put /etc/letsencrypt/renewal-hooks/deploy/reload.sh '#!/bin/sh
systemctl reload apache2'; chmod 755 /etc/letsencrypt/renewal-hooks/deploy/reload.sh
put /etc/sudoers.d/deploy 'jonas ALL=(root) NOPASSWD: /usr/bin/systemctl restart shop, /usr/bin/journalctl -u shop
%adm ALL=(root) NOPASSWD: /usr/bin/tail -f /var/log/syslog'
put /etc/ssh/sshd_config.d/local.conf 'PermitRootLogin prohibit-password
X11Forwarding no
AllowUsers root mika jonas'
put /etc/rsyslog.d/30-quiet.conf ':msg, contains, "[UFW BLOCK]" /var/log/ufw.log
& stop'
printf '10.1.2.3 db1.internal db1\n10.1.2.4 cache1.internal\n127.0.0.1 shop.test\n' >>/etc/hosts
openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj '/CN=Example Corp Root' -days 3650 -out /usr/local/share/ca-certificates/corp.crt 2>/dev/null; update-ca-certificates >/dev/null 2>&1
put /etc/fail2ban/jail.local '[sshd]
enabled = true
bantime = 1h'
put /etc/zabbix/zabbix_agentd.d/shop.conf 'UserParameter=shop.orders,/usr/local/bin/healthcheck && echo 1 || echo 0'
put /etc/monit/conf.d/shop 'check process shop matching "server.js"
  start program = "/usr/bin/systemctl start shop"
  stop program = "/usr/bin/systemctl stop shop"'
put /etc/containers/systemd/cache.container '[Container]
Image=docker.io/library/redis:7
PublishPort=127.0.0.1:6380:6379
[Install]
WantedBy=default.target'
# Keys.
mkdir -p /home/mika/.ssh /home/jonas/.ssh; chmod 700 /home/*/.ssh
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0gaYYblCzpXcF8ZYcJHVZD8oDCnq6UWq9kGzXmbbbb mika@laptop' >/home/mika/.ssh/authorized_keys
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0gaYYblCzpXcF8ZYcJHVZD8oDCnq6UWq9kGzXmcccc jonas@work' >/home/jonas/.ssh/authorized_keys
echo 'from="10.1.2.0/24",command="/usr/local/sbin/deploy",no-pty,no-port-forwarding ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0gaYYblCzpXcF8ZYcJHVZD8oDCnq6UWq9kGzXmdddd deploy@ci' >>/home/jonas/.ssh/authorized_keys
put /home/mika/.ssh/config 'Host *
  ControlMaster auto
  ControlPath ~/.ssh/cm-%r@%h:%p
  ControlPersist 10m
Host spare
  ProxyJump bastion.example.com'
# Dotfiles.
cat >>/home/mika/.bashrc <<'END'
export HISTSIZE=10000 HISTCONTROL=ignoredups:ignorespace
export PATH="$HOME/.local/bin:$HOME/bin:$PATH"
export NVM_DIR="$HOME/.nvm"
[ -s "$NVM_DIR/nvm.sh" ] && . "$NVM_DIR/nvm.sh"
eval "$(ssh-agent -s)" >/dev/null
source <(kubectl completion bash)
alias please='sudo'
PS1='\u@\h:\w\$ '
PROMPT_COMMAND='history -a'
END
put /home/mika/.gitconfig '[user]
  name = Mika
[alias]
  st = status
  lg = log --oneline
[core]
  editor = vim
  hooksPath = .githooks
[credential]
  helper = cache'
put /home/mika/.vimrc 'set number
autocmd BufWritePre *.py :%s/\s\+$//e'
put /home/mika/.tmux.conf 'set -g mouse on'
put /home/mika/.npmrc 'save-exact=true
fund=false'
put /home/mika/.config/systemd/user/syncthing.service '[Unit]
Description=Syncthing
[Service]
ExecStart=/usr/bin/syncthing serve
[Install]
WantedBy=default.target'
mkdir -p /home/mika/.local/bin; cp /bin/sleep /home/mika/.local/bin/uv
mkdir -p /home/mika/src; cd /home/mika/src; git init -q shop; cd shop
put .git/hooks/pre-commit '#!/bin/sh
exec npx lint-staged'; put .git/hooks/post-merge '#!/bin/sh
npm ci'; chmod 755 .git/hooks/pre-commit .git/hooks/post-merge; git config core.fsmonitor true
python3 -m venv --without-pip /home/mika/src/venv 2>/dev/null || python3 -m venv /home/mika/src/venv
mkdir -p /home/mika/src/venv/lib/python3/site-packages
put /home/mika/src/venv/lib/python3/site-packages/__editable__.shop.pth /home/mika/src/shop
put /home/mika/src/venv/lib/python3/site-packages/distutils-precedence.pth "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; enabled and __import__('_distutils_hack').add_shim();"
put /root/docker-compose.yml 'services:
  db:
    image: postgres:16
    restart: always
    volumes: ["pg:/var/lib/postgresql/data"]'
# Histories.
cat >/root/.bash_history <<'END'
apt update && apt upgrade
systemctl restart apache2
tail -f /var/log/syslog
wget https://wordpress.org/latest.tar.gz
tar xzf latest.tar.gz
rm latest.tar.gz
truncate -s 0 /var/log/mysql/slow.log
journalctl --vacuum-size=200M
crontab -e
cat id.pub >> ~/.ssh/authorized_keys
chmod 4755 /usr/local/bin/raise
ssh root@spare
curl -I https://example.com
nano /etc/fstab
systemctl stop fail2ban
iptables -L -n
find / -size +1G
ps aux | grep node
cat /etc/passwd
docker run --rm -it -p 8080:80 nginx
systemctl edit apache2
chown -R www-data: /var/www/html
mysqldump wp > /root/wp.sql
ssh-keygen -t ed25519
useradd -m jonas
passwd jonas
visudo
certbot --apache -d shop.example.com
END
cat >/home/mika/.bash_history <<'END'
git pull
npm run build
scp dist.tgz mika@spare:/tmp/
ssh -L 5432:localhost:5432 db1
curl -fsSL https://raw.githubusercontent.com/nvm-sh/nvm/v0.39.7/install.sh | bash
python3 -m http.server
nc -zv db1 5432
sudo systemctl restart shop
nmap -p 443 db1
chmod +x deploy.sh
./deploy.sh
screen -r
END
chown -R mika: /home/mika; chown -R jonas: /home/jonas
install -m 4755 /bin/true /usr/local/bin/raise
now=$(date '+%FT%T+00:00')
for n in 1 2 3; do echo "$now shop sshd[9]: Accepted publickey for mika from 10.1.2.9 port 4022 ssh2: ED25519 SHA256:x" >>/var/log/auth.log; done
for n in $(seq 60); do echo "$now shop sshd[9]: Failed password for invalid user admin from 192.0.2.$n port 4022 ssh2" >>/var/log/auth.log; done
echo "$now shop sudo:     mika : TTY=pts/0 ; PWD=/home/mika ; USER=root ; COMMAND=/usr/bin/systemctl restart shop" >>/var/log/auth.log
su mika -c 'screen -dmS work sleep 100000' 2>/dev/null
exit 0
