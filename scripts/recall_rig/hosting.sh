# What administrators, customers and developers of a small internet provider did in an ordinary year on its hosting server.
account() { id "$1" >/dev/null 2>&1 || useradd -m -s /bin/bash "$1"; }
put() { mkdir -p "${1%/*}"; printf '%s\n' "$2" >"$1"; }
prog() { mkdir -p "${1%/*}"; cp /bin/sleep "$1"; chmod 755 "$1"; }
script() { put "$1" "$2"; chmod 755 "$1"; }
unit() { put "/etc/systemd/system/$1" "$2"; }
background() { who=$1; name=$2; shift 2; setsid setpriv --reuid="$who" --regid="$who" --init-groups bash -c 'exec -a "$0" "$@"' "$name" "$@" >/dev/null 2>&1 </dev/null & }
spare=$(mktemp -d /root/keys.XXXXXX)
pub() { [ -e "$spare/$1" ] || ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$spare/$1"; cat "$spare/$1.pub"; }
print() { pub "$1" >/dev/null; ssh-keygen -lf "$spare/$1.pub" | cut -d' ' -f2; }
for who in petra tomas lea deploy; do account $who; done
groupadd -f sftponly; groupadd -f admins; usermod -aG sudo,adm,admins petra; usermod -aG sudo,admins tomas; usermod -aG adm lea
for who in petra tomas; do usermod -p '$6$abcdefgh$0123456789012345678901234567890123456789012345678901234567890123456789012345678901234.' $who; done
for who in git-data promtail status; do useradd -r -s /usr/sbin/nologin -d /var/lib/$who $who; done
useradd -r -m -s /bin/sh -d /srv/backup borg
# Customers: chroots of SFTP with keys or passwords, a pool of php-fpm and a virtual host for each.
a2enmod -q proxy_fcgi rewrite headers expires >/dev/null 2>&1
for c in baeckerei kanzlei turnverein fotostudio; do
  home=/srv/customers/$c
  useradd -M -d $home -s /usr/sbin/nologin -G sftponly $c; mkdir -p $home/htdocs $home/private $home/tmp $home/.ssh
  pub "$c@office" >$home/.ssh/authorized_keys; chmod 600 $home/.ssh/authorized_keys
  for fpm in /etc/php/*/fpm; do put "$fpm/pool.d/$c.conf" "[$c]
user = $c
group = $c
listen = /run/php/$c.sock
listen.owner = www-data
listen.group = www-data
pm = ondemand
pm.max_children = 8
pm.process_idle_timeout = 30s
php_admin_value[open_basedir] = $home:/usr/share/php:/tmp
php_admin_value[upload_tmp_dir] = $home/tmp
php_admin_value[session.save_path] = $home/tmp
php_admin_value[sendmail_path] = /usr/sbin/sendmail -t -i -f web@$c.example.net
php_admin_value[disable_functions] = exec,passthru,shell_exec,system,proc_open,popen,pcntl_exec
php_value[memory_limit] = 256M"; done
  put /etc/apache2/sites-available/$c.conf "<VirtualHost *:80>
  ServerName $c.example.net
  ServerAlias www.$c.example.net
  DocumentRoot $home/htdocs
  <Directory $home/htdocs>
    AllowOverride All
    Require all granted
  </Directory>
  <FilesMatch \\.php\$>
    SetHandler \"proxy:unix:/run/php/$c.sock|fcgi://localhost\"
  </FilesMatch>
  Alias /.well-known/acme-challenge /var/www/acme/.well-known/acme-challenge
  CustomLog \"|/usr/bin/rotatelogs -n 5 /var/log/apache2/$c.pipe.log 86400\" combined
  CustomLog /var/log/apache2/$c.access.log combined
</VirtualHost>"
  a2ensite -q $c >/dev/null 2>&1
done
# What customers copied there by SFTP: a blog and its plug-ins, a wiki, a home-made form, a shop's webhook, an old gallery.
w=/srv/customers/baeckerei/htdocs
put $w/.htaccess '# BEGIN WordPress
<IfModule mod_rewrite.c>
RewriteEngine On
RewriteRule .* - [E=HTTP_AUTHORIZATION:%{HTTP:Authorization}]
RewriteRule ^index\.php$ - [L]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /index.php [L]
</IfModule>
# END WordPress
RewriteCond %{HTTP_USER_AGENT} (SemrushBot|MJ12bot|PetalBot) [NC]
RewriteRule .* - [F,L]
<Files xmlrpc.php>
  Require all denied
</Files>'
put $w/index.php "<?php
define('WP_USE_THEMES', true);
require __DIR__ . '/wp-blog-header.php';"
put $w/wp-config.php "<?php
define('DB_NAME', 'baeckerei_wp'); define('DB_HOST', 'db2.internal'); define('DB_USER', 'baeckerei');
define('DISALLOW_FILE_EDIT', true); define('WP_CACHE', true); define('DISABLE_WP_CRON', true);
if (isset(\$_SERVER['HTTP_X_FORWARDED_PROTO']) && \$_SERVER['HTTP_X_FORWARDED_PROTO'] === 'https') { \$_SERVER['HTTPS'] = 'on'; }
require_once ABSPATH . 'wp-settings.php';"
put $w/wp-content/plugins/duplicate-backup/class-dump.php "<?php
class DB_Dump {
  public function run(\$file) {
    if (function_exists('exec') && !in_array('exec', explode(',', ini_get('disable_functions')))) {
      \$cmd = 'mysqldump --host=' . escapeshellarg(DB_HOST) . ' --user=' . escapeshellarg(DB_USER) . ' ' . escapeshellarg(DB_NAME) . ' > ' . escapeshellarg(\$file);
      exec(\$cmd, \$out, \$code);
      return \$code === 0;
    }
    return \$this->by_php(\$file);
  }
}"
put $w/wp-content/plugins/contact-pro/contact-pro.php "<?php
/* Plugin Name: Contact Pro
 * Version: 3.1.4 */
add_action('init', 'cp_handle');
function cp_handle() {
  if (empty(\$_POST['cp_nonce']) || !wp_verify_nonce(\$_POST['cp_nonce'], 'cp')) return;
  \$mail = array_map('sanitize_text_field', wp_unslash(\$_POST));
  \$tpl = preg_replace_callback('/\\{(\\w+)\\}/', function (\$m) use (\$mail) { return esc_html(\$mail[\$m[1]] ?? ''); }, get_option('cp_template'));
  call_user_func_array(apply_filters('cp_mailer', 'wp_mail'), array(get_option('admin_email'), 'Anfrage', \$tpl));
  \$icon = base64_decode('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7');
}
\$opts = maybe_unserialize(base64_decode(get_option('cp_export', '')));"
put $w/wp-content/advanced-cache.php "<?php
// WP Super Cache 1.2
if (!defined('WPCACHEHOME')) define('WPCACHEHOME', '$w/wp-content/plugins/wp-super-cache/');
if (include_once(WPCACHEHOME . 'wp-cache-phase1.php')) { }"
{ printf '<?php //0046b\nif(!extension_loaded("ionCube Loader")){$__oc=strtolower(substr(php_uname(),0,3));$__ln="ioncube_loader_".$__oc."_".substr(phpversion(),0,3).(($__oc=="win")?".dll":".so");if(function_exists("dl")){@dl($__ln);}if(function_exists("_il_exec")){return _il_exec();}echo("Site error: the file <b>".__FILE__."</b> requires the ionCube PHP Loader.");exit(199);}\n?>\n'; head -c 9000 /dev/urandom | base64 -w 76; } >$w/wp-content/plugins/contact-pro/license.php
put $w/wp-content/plugins/contact-pro/js/app.min.js '!function(e,t){"object"==typeof exports?module.exports=t():e.CP=t()}(this,function(){var e=String.fromCharCode,t=new Function("return this")();return{send:function(n){var r=new XMLHttpRequest;r.open("POST","/wp-admin/admin-ajax.php");r.send(JSON.stringify(n))},d:function(n){return decodeURIComponent(escape(atob(n)))}}});'
put $w/wp-content/uploads/.htaccess '<Files *.php>
  Require all denied
</Files>'; put $w/wp-content/uploads/index.php '<?php // Silence is golden.'
cp /usr/share/roundcube/skins/elastic/images/*.svg $w/wp-content/uploads/ 2>/dev/null
f=/srv/customers/fotostudio/htdocs; mkdir -p $f
put $f/thumb.php '<?php
$src = basename($_GET["src"] ?? ""); $w = min(1600, (int) ($_GET["w"] ?? 200));
if (!preg_match("/^[\w-]+\.(jpe?g|png)$/i", $src) || !is_file("bilder/$src")) { http_response_code(404); exit; }
$cache = "cache/" . md5("$src|$w") . ".jpg";
if (!file_exists($cache)) { $im = imagecreatefromstring(file_get_contents("bilder/$src")); imagejpeg(imagescale($im, $w), $cache, 82); }
header("Content-Type: image/jpeg"); readfile($cache);'
put $f/upload.php '<?php
session_start(); if (empty($_SESSION["admin"])) { header("Location: login.php"); exit; }
foreach ($_FILES["bild"]["tmp_name"] as $i => $tmp) {
  if (getimagesize($tmp)) { move_uploaded_file($tmp, "bilder/" . preg_replace("/[^\w.-]/", "_", strtolower($_FILES["bild"]["name"][$i]))); }
}'
put $f/hook.php '<?php
$body = file_get_contents("php://input"); $secret = getenv("SHOP_SECRET");
if (!hash_equals(base64_encode(hash_hmac("sha256", $body, $secret, true)), $_SERVER["HTTP_X_SHOP_HMAC"] ?? "")) { http_response_code(401); exit; }
file_put_contents("../private/orders/" . time() . ".json", $body);'
put $f/.user.ini 'upload_max_filesize = 64M
post_max_size = 70M'; mkdir -p $f/cache $f/bilder /srv/customers/fotostudio/private/orders; chmod 777 $f/cache
cp -rL /usr/share/dokuwiki/. /srv/customers/turnverein/htdocs/ 2>/dev/null
put /srv/customers/turnverein/htdocs/termine.php '<?php include "inc/kopf.php"; $seite = in_array($_GET["s"] ?? "", array("turnen", "handball")) ? $_GET["s"] : "turnen"; include "seiten/$seite.php";'
put /srv/customers/kanzlei/htdocs/.htaccess 'AuthType Basic
AuthName "Mandanten"
AuthUserFile /srv/customers/kanzlei/private/.htpasswd
Require valid-user
ErrorDocument 404 /fehler.html
Redirect 301 /alt https://kanzlei.example.net/'
put /srv/customers/kanzlei/private/.htpasswd 'sekretariat:$2y$05$abcdefghijklmnopqrstuuJx3lq2nBf1V7o2V0o8lH1l1l1l1l1lK'
put /srv/customers/kanzlei/htdocs/index.html '<html><body>Mandantenbereich</body></html>'
for c in baeckerei kanzlei turnverein fotostudio; do
  chown -R $c:$c /srv/customers/$c; chown root:root /srv/customers/$c; chmod 755 /srv/customers/$c; chmod 700 /srv/customers/$c/.ssh; chmod 750 /srv/customers/$c/private
done
printf '*/15 * * * * php -q /srv/customers/baeckerei/htdocs/wp-cron.php >/dev/null 2>&1\n' | crontab -u baeckerei -
printf '0 5 * * * find $HOME/htdocs/cache -name "*.jpg" -mtime +60 -delete\n@daily wget -q -O /dev/null "https://fotostudio.example.net/cron.php?key=8f2a"\n' | crontab -u fotostudio -
# A backup unpacked beside the sites, with an older copy of one; what a trainee and a customer who left have left behind.
mkdir -p /srv/restore/2026-03-baeckerei /srv/customers/altkunde/htdocs; cp -rp $w /srv/restore/2026-03-baeckerei/
put /srv/restore/2026-03-baeckerei/htdocs/wp-content/plugins/contact-pro/README.bak 'Version 2.9'; touch -d '8 months ago' /srv/restore/2026-03-baeckerei/htdocs/index.php
put /srv/customers/altkunde/htdocs/info.php '<?php phpinfo();'; put /srv/customers/altkunde/htdocs/index.html moved; chown -R 2041:2041 /srv/customers/altkunde
put /home/praktikant/.bash_history 'ls
cd /srv/customers
exit'; put /home/praktikant/notizen.txt 'Passwort vom WLAN erfragen'; chown -R 2044:2044 /home/praktikant; chmod 750 /home/praktikant
# Certificates: acme.sh of root, and hooks.
script /root/.acme.sh/acme.sh '#!/usr/bin/env sh
VER=3.0.7
PROJECT="https://github.com/acmesh-official/acme.sh"
_exists() { cmd="$1"; if eval type type >/dev/null 2>&1; then eval type "$cmd" >/dev/null 2>&1; else command -v "$cmd" >/dev/null 2>&1; fi; }
_base64() { openssl base64 -e | tr -d "\r\n"; }
_dbase64() { openssl base64 -d -A; }
_url_replace() { tr "/+" "_-" | tr -d "= "; }
_get() { curl --silent --dump-header /dev/null -L --user-agent "acme.sh/$VER" "$1"; }
_reload() { _savedcmd="$(printf "%s" "$1" | _dbase64)"; (cd "$DOMAIN_PATH" && eval "$_savedcmd"); }'
put /root/.acme.sh/acme.sh.env 'export LE_WORKING_DIR="/root/.acme.sh"
alias acme.sh="/root/.acme.sh/acme.sh"'
put /root/.acme.sh/account.conf "LOG_FILE=\"/var/log/acme.sh.log\"
ACCOUNT_EMAIL='hostmaster@example.net'
SAVED_PDNS_Url='http://127.0.0.1:8081'
UPGRADE_HASH='b79a1cf9'"
put /root/.acme.sh/baeckerei.example.net_ecc/baeckerei.example.net.conf "Le_Domain='baeckerei.example.net'
Le_Webroot='/var/www/acme'
Le_ReloadCmd='__ACME_BASE64__START_c3lzdGVtY3RsIHJlbG9hZCBhcGFjaGUy__ACME_BASE64__END_'"; mkdir -p /var/www/acme/.well-known/acme-challenge
printf '. "/root/.acme.sh/acme.sh.env"\nexport HISTTIMEFORMAT="%%F %%T " HISTSIZE=20000\nexport BORG_RSH="ssh -i /root/.ssh/backup_ed25519"\nalias vh="cd /etc/apache2/sites-available" t="tail -f /var/log/syslog"\nPS1="\\[\\e[31m\\]\\u@\\h:\\w\\$\\[\\e[0m\\] "\n' >>/root/.bashrc
printf 'MAILTO=hostmaster@example.net\n7 0 * * * "/root/.acme.sh"/acme.sh --cron --home "/root/.acme.sh" > /dev/null\n40 2 * * * /usr/local/sbin/backup-borg 2>&1 | logger -t borg\n*/5 * * * * /usr/local/sbin/quota-warn\n' | crontab -u root -
script /etc/letsencrypt/renewal-hooks/deploy/50-mail '#!/bin/sh
set -e
install -o root -g dovecot -m 640 "$RENEWED_LINEAGE/privkey.pem" /etc/dovecot/private/mail.key
systemctl reload postfix dovecot'
# Backups: sent with a key of root's; received by borg with forced commands.
mkdir -p /root/.ssh /srv/backup/.ssh; ssh-keygen -q -t ed25519 -N '' -C root@web1-backup -f /root/.ssh/backup_ed25519
{ for h in web2 mail1; do printf 'command="borg serve --append-only --restrict-to-path /srv/backup/%s",restrict ' $h; pub root@$h; done; } >/srv/backup/.ssh/authorized_keys; chmod 700 /srv/backup/.ssh; chmod 600 /srv/backup/.ssh/authorized_keys; chown -R borg: /srv/backup
{ printf 'from="10.20.0.5",restrict,command="/usr/local/sbin/rsync-serve" '; pub pull@backup1; } >>/root/.ssh/authorized_keys
script /usr/local/sbin/rsync-serve '#!/bin/sh
case "$SSH_ORIGINAL_COMMAND" in
  "rsync --server --sender "*) logger -t rsync-serve "$SSH_CLIENT"; exec $SSH_ORIGINAL_COMMAND ;;
  *) echo denied >&2; exit 1 ;;
esac'
script /usr/local/sbin/backup-borg '#!/bin/bash
set -eu
exec 9>/run/lock/backup-borg; flock -n 9 || exit 0
export BORG_PASSCOMMAND="cat /root/.borg-passphrase" BORG_REPO=ssh://u123456@box.backup.example.com:23/./web1
trap "rm -f /var/tmp/packages.list" EXIT
dpkg --get-selections > /var/tmp/packages.list
for db in $(mysql -h db2.internal -N -e "show databases" | grep -vE "schema|^sys$"); do mysqldump -h db2.internal --single-transaction "$db" | zstd -q > "/var/backups/mysql/$db.sql.zst"; done
/usr/local/bin/borg create --stats --compression zstd,6 "::{hostname}-{now:%Y-%m-%d}" /etc /root /home /srv/customers /var/backups /var/spool/cron
/usr/local/bin/borg prune --keep-daily 14 --keep-weekly 8
curl -fsS -m 10 --retry 5 -o /dev/null https://hc-ping.com/1d6f7c1e-8f31-4d4e-9b2c-5f0e6f0a7a11'; put /root/.borg-passphrase correct-horse-battery; chmod 600 /root/.borg-passphrase
for tool in borg yq jq-1.7 gitea promtail lego mkcert kopia hcloud; do prog /usr/local/bin/$tool; done
setcap cap_net_bind_service=+ep /usr/local/bin/gitea 2>/dev/null
script /usr/local/sbin/quota-warn '#!/bin/sh
repquota -u /srv 2>/dev/null | awk '\''$2 ~ /\+/ { print $1 }'\'' | while read -r who; do mail -s "Speicherplatz $who" support@example.net </dev/null; done; exit 0'
# Monitoring: plug-ins of one's own, an agent behind xinetd, rights for both; checks by curl.
script /usr/local/lib/nagios/plugins/check_mailq_age '#!/usr/bin/perl -w
use strict; my $old = 0; my $cmd = "/usr/bin/mailq";
open(my $q, "-|", $cmd) or do { print "UNKNOWN\n"; exit 3 };
while (<$q>) { $old++ if /^[0-9A-F]{8,}/ } print $old > 200 ? "CRITICAL" : "OK", " - $old queued\n"; exit($old > 200 ? 2 : 0);'
script /usr/local/lib/nagios/plugins/check_raid '#!/bin/bash
[ -r /proc/mdstat ] || { echo "OK - no md"; exit 0; }
if grep -q "_" <(grep blocks /proc/mdstat); then echo "CRITICAL - degraded"; exit 2; fi; echo OK'
script /usr/local/bin/check_mk_agent '#!/bin/bash
echo "<<<check_mk>>>"; echo "Version: 2.2.0p12"; echo "AgentOS: linux"
echo "<<<df>>>"; df -PTk -x tmpfs
echo "<<<ps>>>"; ps ax -o user,vsz,rss,cputime,etime,pid,command --columns 10000
for p in /usr/lib/check_mk_agent/plugins/*; do [ -x "$p" ] && "$p"; done'
put /etc/xinetd.d/check-mk-agent 'service check_mk
{
  type = UNLISTED
  port = 6556
  socket_type = stream
  protocol = tcp
  wait = no
  user = root
  server = /usr/local/bin/check_mk_agent
  only_from = 127.0.0.1 10.20.0.8
  disable = no
}'
put /etc/nagios/nrpe.d/local.cfg 'command[check_raid]=/usr/bin/sudo /usr/local/lib/nagios/plugins/check_raid
command[check_mailq]=/usr/local/lib/nagios/plugins/check_mailq_age'
put /etc/sudoers.d/20-monitoring '# managed by petra, see wiki/Monitoring
Defaults:nagios !requiretty
nagios ALL=(root) NOPASSWD: /usr/local/lib/nagios/plugins/check_raid, /usr/sbin/smartctl -H /dev/sd[a-z]
Cmnd_Alias WEB = /usr/bin/systemctl reload apache2, /usr/bin/systemctl restart statuspage.service
deploy ALL=(root) NOPASSWD: WEB
lea ALL=(root) NOPASSWD: WEB, /usr/bin/journalctl -u statuspage
%admins ALL=(ALL:ALL) ALL'; chmod 440 /etc/sudoers.d/20-monitoring; visudo -qcf /etc/sudoers.d/20-monitoring >/dev/null || rm -f /etc/sudoers.d/20-monitoring
script /usr/local/bin/healthcheck '#!/bin/sh
for url in http://127.0.0.1/ http://127.0.0.1:3000/healthz; do
  curl -fsS -m 5 -o /dev/null "$url" || logger -p daemon.warning -t healthcheck "$url does not answer"
done'
put /etc/cron.d/healthcheck '*/2 * * * * nobody /usr/local/bin/healthcheck >/dev/null 2>&1'
put /etc/cron.d/awstats-customers '25 * * * * www-data [ -x /usr/lib/cgi-bin/awstats.pl ] && for c in baeckerei kanzlei; do /usr/lib/cgi-bin/awstats.pl -config=$c -update >/dev/null; done'
script /etc/cron.daily/zz-spamtrain '#!/bin/sh
for d in /var/vmail/*/*/Maildir/.Junk/cur; do [ -d "$d" ] && nice -n 19 sa-learn --spam "$d" >/dev/null 2>&1; done; exit 0'
script /etc/cron.weekly/blocklist '#!/bin/sh
# Networks of hijackers; only addresses are kept of the list
curl -fsS -m 30 https://www.spamhaus.org/drop/drop.txt | grep -oE "^[0-9./]+" > /etc/nftables.d/drop.new && [ "$(wc -l < /etc/nftables.d/drop.new)" -gt 100 ] && mv /etc/nftables.d/drop.new /etc/nftables.d/drop.list && /usr/local/sbin/bans load'
script /usr/local/sbin/bans '#!/usr/bin/env python3
"""bans add ADDRESS [HOURS] | load: keep the set inet filter banned."""
import ipaddress, subprocess, sys
def nft(*words): return subprocess.run(["/usr/sbin/nft", *words], check=False).returncode
if sys.argv[1:2] == ["add"]:
    nft("add", "element", "inet", "filter", "banned", "{ %s timeout %sh }" % (ipaddress.ip_address(sys.argv[2]), int((sys.argv[3:] or ["24"])[0])))'
put /etc/nftables.d/banned.txt '45.155.205.233 # ssh, 2026-02-11
193.32.162.0/24 # wp-login
141.98.10.60 # sasl'
# Deploys by git, an application of node, a worker of python; programs of vendors with libraries and units of their own.
git init -q --bare /srv/git/status.git 2>/dev/null
script /srv/git/status.git/hooks/post-receive '#!/bin/bash
set -euo pipefail
while read -r old new ref; do
  [[ $ref == refs/heads/main ]] || { echo "ignored $ref"; continue; }
  git --work-tree=/srv/apps/statuspage --git-dir=/srv/git/status.git checkout -f main
  cd /srv/apps/statuspage && npm ci --omit=dev && sudo systemctl restart statuspage.service
done'; chown -R deploy: /srv/git
put /srv/apps/statuspage/server.js 'const http = require("http"), { execFile } = require("child_process");
http.createServer((q, a) => q.url === "/healthz" ? a.end("ok") : execFile("/usr/bin/uptime", (e, o) => a.end(o))).listen(3000, "127.0.0.1");'
put /srv/apps/statuspage/package.json '{"name": "statuspage", "scripts": {"start": "node server.js", "prepare": "husky install"}, "dependencies": {"pg": "^8.11.0"}}'
prog /opt/node-v20.11.1-linux-x64/bin/node; ln -sfn /opt/node-v20.11.1-linux-x64 /opt/node; ln -sf /opt/node/bin/node /usr/local/bin/node
script /usr/local/lib/node_modules/pm2/bin/pm2 '#!/usr/bin/env node
require("../lib/binaries/CLI.js");'; ln -sf ../lib/node_modules/pm2/bin/pm2 /usr/local/bin/pm2; put /usr/local/lib/node_modules/pm2/package.json '{"name": "pm2", "version": "5.3.1"}'
python3 -m venv --without-pip /opt/venvs/ticketd; put /opt/venvs/ticketd/ticketd.py 'import time
while True:
    time.sleep(3600)'
put /opt/venvs/ticketd/lib/python3/site-packages/ticketd.pth /srv/apps/ticketd
unit ticketd.service '[Unit]
Description=Tickets by mail
[Service]
User=status
ExecStart=/opt/venvs/ticketd/bin/python /opt/venvs/ticketd/ticketd.py
[Install]
WantedBy=multi-user.target'
unit statuspage.service '[Unit]
Description=Status page of the provider
After=network-online.target
[Service]
User=status
WorkingDirectory=/srv/apps/statuspage
EnvironmentFile=-/etc/default/statuspage
ExecStart=/opt/node/bin/node 1000000
Restart=on-failure
NoNewPrivileges=true
[Install]
WantedBy=multi-user.target'
unit gitea.service '[Unit]
Description=Gitea (Git with a cup of tea)
[Service]
User=git-data
Environment=HOME=/var/lib/git-data GITEA_WORK_DIR=/var/lib/gitea
ExecStart=/usr/local/bin/gitea 1000000
Restart=always
[Install]
WantedBy=multi-user.target'
unit promtail.service '[Service]
User=promtail
ExecStart=/usr/local/bin/promtail 1000000
[Install]
WantedBy=multi-user.target'
prog /opt/dell/srvadmin/sbin/dsm_sa_datamgrd; mkdir -p /opt/dell/srvadmin/lib64; cp "$(ls /usr/lib/x86_64-linux-gnu/libz.so.1.* | head -1)" /opt/dell/srvadmin/lib64/libdcsmil.so.9.5; ln -sf libdcsmil.so.9.5 /opt/dell/srvadmin/lib64/libdcsmil.so.9; put /etc/ld.so.conf.d/srvadmin.conf /opt/dell/srvadmin/lib64; ldconfig
unit dsm_sa_datamgrd.service '[Unit]
Description=Systems Management Data Engine
[Service]
Environment=LD_LIBRARY_PATH=/opt/dell/srvadmin/lib64
ExecStartPre=-/sbin/modprobe -n ipmi_si
ExecStart=/opt/dell/srvadmin/sbin/dsm_sa_datamgrd 1000000
[Install]
WantedBy=multi-user.target'
unit mirror.service '[Service]
Type=oneshot
User=deploy
ExecStart=/bin/sh -c "reprepro -b /srv/apt export && rsync -a --delete /srv/apt/ rsync://mirror.internal/apt/"'
unit mirror.timer '[Timer]
OnCalendar=Mon..Fri 04:30
RandomizedDelaySec=600
[Install]
WantedBy=timers.target'
unit apache2.service.d/limits.conf '[Service]
LimitNOFILE=65536
ExecStartPre=/usr/sbin/apache2ctl -t
OOMScoreAdjust=-200'
unit cockpit.socket.d/listen.conf '[Socket]
ListenStream=
ListenStream=127.0.0.1:9091'
unit tunnel-branch.service '[Service]
User=tomas
ExecStart=/usr/bin/autossh -M 0 -N -o ServerAliveInterval=30 -L 127.0.0.1:15432:db2.internal:5432 bastion.example.net
Restart=always'
put /srv/compose/docker-compose.yml 'services:
  uptime:
    image: louislam/uptime-kuma:1
    restart: unless-stopped
    ports: ["127.0.0.1:3001:3001"]
    volumes: ["./data:/app/data", "/etc/localtime:/etc/localtime:ro"]
  matomo:
    image: matomo:5-fpm
    env_file: .env
    extra_hosts: ["db2.internal:10.20.0.12"]'; put /srv/compose/.env 'MATOMO_DATABASE_PASSWORD=Ohgh4aiz'; chmod 600 /srv/compose/.env
# Trust, packages, logins.
openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj '/O=Example Net GmbH/CN=Example Net Internal CA' -days 3650 -out /usr/local/share/ca-certificates/example-net-ca.crt 2>/dev/null; update-ca-certificates >/dev/null 2>&1
head -c 1200 /dev/urandom >/usr/share/keyrings/sury-php.gpg; head -c 1200 /dev/urandom >/etc/apt/keyrings/grafana.gpg 2>/dev/null
put /etc/apt/sources.list.d/php.list 'deb [signed-by=/usr/share/keyrings/sury-php.gpg] https://packages.sury.org/php/ bookworm main'
put /etc/apt/sources.list.d/grafana.sources 'Types: deb
URIs: https://apt.grafana.com
Suites: stable
Components: main
Signed-By: /etc/apt/keyrings/grafana.gpg'
put /etc/apt/apt.conf.d/80noexec-tmp 'DPkg::Pre-Invoke { "mount -o remount,exec /tmp 2>/dev/null || true"; };
DPkg::Post-Invoke { "mount -o remount,noexec /tmp 2>/dev/null || true"; };'
put /etc/apt/apt.conf.d/02cache 'Acquire::http::Proxy "http://127.0.0.1:3142";
Acquire::https::Proxy "DIRECT";'
put /etc/ssh/sshd_config.d/20-hosting.conf 'PermitRootLogin prohibit-password
ClientAliveInterval 120
MaxStartups 20:30:100
Match Group sftponly
  ChrootDirectory /srv/customers/%u
  ForceCommand internal-sftp -l INFO -u 0027
  AllowTcpForwarding no
  X11Forwarding no
Match Address 10.20.0.0/24,127.0.0.1
  PasswordAuthentication yes'; /usr/sbin/sshd -t 2>/dev/null || rm -f /etc/ssh/sshd_config.d/20-hosting.conf
for who in petra tomas lea deploy; do mkdir -p /home/$who/.ssh; chmod 700 /home/$who/.ssh; done
{ pub petra@thinkpad; pub petra@nitrokey; } >/home/petra/.ssh/authorized_keys; pub tomas@desk >/home/tomas/.ssh/authorized_keys; pub lea@mbp >/home/lea/.ssh/authorized_keys
{ printf 'restrict,command="git-shell -c \\"$SSH_ORIGINAL_COMMAND\\"" '; pub lea@mbp; printf 'from="10.20.0.0/24",no-agent-forwarding,no-port-forwarding '; pub ci@runner3; } >/home/deploy/.ssh/authorized_keys; chmod 600 /home/*/.ssh/authorized_keys
put /home/petra/.ssh/config 'Include ~/.ssh/config.d/*
Host *
  ControlMaster auto
  ControlPath ~/.ssh/cm/%r@%h:%p
  ControlPersist 4h
  AddKeysToAgent yes
Host db2 mail1 web2
  HostName %h.internal
  ProxyJump bastion.example.net
Host sw-*
  KexAlgorithms +diffie-hellman-group14-sha1
  HostKeyAlgorithms +ssh-rsa
  User admin'; mkdir -p /home/petra/.ssh/cm
put /root/.ssh/config 'Host box.backup.example.com
  Port 23
  IdentityFile ~/.ssh/backup_ed25519
Host 10.20.0.*
  StrictHostKeyChecking accept-new'
{ printf 'box.backup.example.com '; pub host@box; } | cut -d' ' -f1-3 >/root/.ssh/known_hosts
# Network, kernel, hardware.
mkdir -p /etc/nftables.d; cp /etc/nftables.conf /etc/nftables.conf.dpkg-old 2>/dev/null
put /etc/nftables.conf '#!/usr/sbin/nft -f
flush ruleset
define admin = { 10.20.0.0/24, 10.9.0.0/24 }
table inet filter {
  set banned { type ipv4_addr; flags interval, timeout; auto-merge; }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iif lo accept
    ip saddr @banned counter drop
    meta l4proto { icmp, ipv6-icmp } accept
    tcp dport { 22, 25, 53, 80, 110, 143, 443, 465, 587, 993, 995 } accept
    udp dport { 53, 500, 4500 } accept
    ip saddr $admin tcp dport { 3000, 5666, 6556, 9090-9100, 3142 } accept
    limit rate 5/minute log prefix "nft drop: "
  }
  chain forward { type filter hook forward priority filter; policy accept; }
}
table ip nat {
  chain pre { type nat hook prerouting priority dstnat; tcp dport 8443 dnat to 10.20.0.30:443; tcp dport 2222 dnat to 10.20.0.31:22; }
  chain post { type nat hook postrouting priority srcnat; ip saddr 10.20.0.0/24 oifname "eth0" masquerade; }
}'
put /etc/sysctl.d/70-hosting.conf 'net.ipv4.ip_forward = 1
net.ipv4.conf.all.rp_filter = 2
net.core.default_qdisc = fq
net.ipv4.tcp_congestion_control = bbr
net.netfilter.nf_conntrack_max = 524288
vm.overcommit_memory = 1
fs.file-max = 2097152
kernel.panic = 10'
put /etc/modules-load.d/hosting.conf 'nf_conntrack
tcp_bbr
ipmi_devintf'
put /etc/modprobe.d/hosting.conf 'options kvm_intel nested=1
blacklist iTCO_wdt
blacklist mei_me
install cramfs /bin/false'
put /etc/udev/rules.d/62-local.rules 'SUBSYSTEM=="usb", ATTR{idVendor}=="051d", ATTR{idProduct}=="0002", MODE="0664", GROUP="nut"
SUBSYSTEM=="tty", ATTRS{idVendor}=="067b", ATTRS{serial}=="A600", SYMLINK+="console-sw1", GROUP="dialout"
ACTION=="add", SUBSYSTEM=="block", ENV{ID_FS_LABEL}=="OFFSITE", TAG+="systemd", ENV{SYSTEMD_WANTS}="offsite-copy.service"'
script /usr/local/sbin/ups-notify '#!/bin/sh
echo "$(date): $*" | mail -s "UPS: $NOTIFYTYPE" petra tomas; logger -t ups "$*"'
printf 'NOTIFYCMD /usr/local/sbin/ups-notify\nNOTIFYFLAG ONBATT SYSLOG+EXEC\n' >>/etc/nut/upsmon.conf
put /etc/dnsmasq.d/mgmt.conf 'port=0
bind-dynamic
interface=mgmt0
dhcp-range=10.20.5.50,10.20.5.99,12h
dhcp-boot=pxelinux.0
dhcp-script=/usr/local/sbin/lease-log'
script /usr/local/sbin/lease-log '#!/bin/sh
logger -t dhcp "$1 $2 $3 ${4:-}"'
put /etc/unbound/unbound.conf.d/local.conf 'server:
  interface: 127.0.0.1
  access-control: 10.20.0.0/16 allow
  private-domain: internal'
put /etc/powerdns/pdns.d/local.conf 'local-address=127.0.0.1
local-port=5300
api=yes
api-key=Eiy7ahRa2oog
webserver-address=127.0.0.1'
script /etc/libvirt/hooks/qemu '#!/bin/bash
# forward the ticket system to its guest
if [ "$1" = tickets ] && [ "$2" = started ]; then iptables -t nat -A PREROUTING -p tcp --dport 8085 -j DNAT --to 192.168.122.20:80; fi
if [ "$1" = tickets ] && [ "$2" = stopped ]; then iptables -t nat -D PREROUTING -p tcp --dport 8085 -j DNAT --to 192.168.122.20:80; fi
exit 0'
printf 'conn branch\n  left=%%defaultroute\n  right=vpn2.example.net\n  rightsubnet=10.30.0.0/16\n  authby=secret\n  ike=aes256-sha256-modp2048!\n  auto=route\n' >>/etc/ipsec.conf
printf '10.20.0.5 backup1.internal\n10.20.0.8 mon1.internal mon1\n10.20.0.12 db2.internal db2\n10.20.0.13 mail1.internal mail1\n10.20.0.20 log1.internal\n127.0.0.1 status.example.net tickets.example.net\n' >>/etc/hosts
put /etc/rsyslog.d/60-central.conf 'if $syslogseverity <= 6 then action(type="omfwd" target="log1.internal" port="6514" protocol="tcp" queue.type="LinkedList" queue.size="10000" queue.filename="fwd_log1" action.resumeRetryCount="-1")
if $programname == "borg" then { /var/log/borg.log
  stop }'
put /etc/logrotate.d/customers '/var/log/apache2/*.access.log /var/log/borg.log /var/log/acme.sh.log {
  weekly
  rotate 26
  missingok
  compress
  sharedscripts
  prerotate
    [ -x /usr/bin/pflogsumm ] && /usr/bin/pflogsumm /var/log/mail.log | mail -s pflogsumm petra || true
  endscript
  postrotate
    systemctl reload apache2 >/dev/null 2>&1 || true
  endscript
}'
script /etc/kernel/postinst.d/zz-second-esp '#!/bin/sh
mountpoint -q /boot/efi2 && rsync -a --delete /boot/efi/ /boot/efi2/; exit 0'
put /etc/profile.d/hosting.sh 'umask 022
export EDITOR=vim LESS=-R PATH="$PATH:/opt/dell/srvadmin/sbin:/opt/node/bin"
[ -t 1 ] && [ "$(id -u)" = 0 ] && echo "web1: hosting, about 400 sites. Note changes in /root/CHANGES."'
put /root/CHANGES '2026-01-14 petra: raised nf_conntrack_max
2026-02-11 tomas: banned 45.155.205.233 by hand
2026-05-03 petra: moved cockpit off 9090'
# Mail: aliases, forwards, filters of customers, lists.
printf 'support: "|/usr/local/bin/mail2ticket --queue support"\nhostmaster: petra, tomas\npostmaster: hostmaster\nkunden-info: :include:/etc/mail/lists/kunden-info\n' >>/etc/aliases; put /etc/mail/lists/kunden-info 'buero@kanzlei.example.net
info@baeckerei.example.net'; newaliases 2>/dev/null
script /usr/local/bin/mail2ticket '#!/opt/venvs/ticketd/bin/python
import email, sys, urllib.request
message = email.message_from_binary_file(sys.stdin.buffer)
urllib.request.urlopen("http://127.0.0.1:8085/api/tickets", data=str(message["subject"]).encode(), timeout=20)'
printf 'policyd-spf unix - n n - 0 spawn\n  user=policyd-spf argv=/usr/bin/policyd-spf\nmlmmj unix - n n - - pipe\n  flags=ORhu user=mlmmj argv=/usr/bin/mlmmj-receive -F -L /var/spool/mlmmj/$nexthop\n' >>/etc/postfix/master.cf
put /home/tomas/.forward '\tomas, tomas.novak@example.org'
put /srv/customers/kanzlei/.forward 'buero@kanzlei-mueller.example.com'; chown kanzlei: /srv/customers/kanzlei/.forward
put /home/petra/.procmailrc 'MAILDIR=$HOME/Maildir
:0 c
* ^Subject:.*(CRITICAL|DOWN)
| /home/petra/bin/pager
:0
* ^List-Id:.*(nanog|debian-security)
.lists/'
script /home/petra/bin/pager '#!/bin/sh
grep -m1 "^Subject:" | curl -s -d @- https://ntfy.example.net/ops >/dev/null'
put /var/vmail/baeckerei.example.net/info/sieve/main.sieve 'require ["fileinto", "copy", "vacation"];
if header :contains "X-Spam-Flag" "YES" { fileinto "Junk"; stop; }
redirect :copy "chefin@baeckerei.example.net";
vacation :days 7 "Wir haben Betriebsferien.";'
put /etc/amavis/conf.d/50-user 'use strict;
$myhostname = "web1.example.net";
$sa_tag2_level_deflt = 5.5;
1;'
# Dotfiles and sources of people.
cat >>/home/petra/.bashrc <<'END'
export PATH="$HOME/bin:$HOME/.local/bin:$PATH" HISTCONTROL=ignoreboth HISTSIZE=50000
if [ -S "$SSH_AUTH_SOCK" ] && [ "$SSH_AUTH_SOCK" != "$HOME/.ssh/agent" ]; then ln -sf "$SSH_AUTH_SOCK" "$HOME/.ssh/agent"; fi
[ -n "$TMUX" ] && export SSH_AUTH_SOCK="$HOME/.ssh/agent"
alias s='sudo -i' ..='cd ..' g=git vhost='sudo vim -O /etc/apache2/sites-available/*'
whoowns() { dpkg -S "$(readlink -f "$(command -v "$1")")"; }
trap 'history -a' EXIT
END
put /home/petra/.tmux.conf 'set -g default-command "bash -l"
set -g update-environment "DISPLAY SSH_CONNECTION"
bind r source-file ~/.tmux.conf'
put /home/tomas/.bash_aliases "alias ports='ss -tlnp' myip='curl -s https://ifconfig.me'
alias bb='birdc show protocols' please='sudo \$(fc -ln -1)'"
put /home/lea/.npmrc '//npm.example.net/:_authToken=${NPM_TOKEN}
ignore-scripts=true'
put /home/lea/.gitconfig '[user]
  name = Lea
[core]
  sshCommand = ssh -i ~/.ssh/id_ed25519_work
[alias]
  wip = !git add -A && git commit -m wip
[url "git@git.example.net:"]
  insteadOf = https://git.example.net/'
prog /home/lea/.local/share/pnpm/pnpm; prog /home/tomas/go/bin/gobgp; mkdir -p /home/lea/src; git init -q /home/lea/src/status 2>/dev/null
script /home/lea/src/status/.husky/pre-commit '#!/usr/bin/env sh
. "$(dirname -- "$0")/_/husky.sh"
npx lint-staged'
put /home/lea/.config/systemd/user/watch-css.service '[Service]
ExecStart=%h/.local/share/pnpm/pnpm run watch'
printf '0 8 * * 1-5 /home/petra/bin/morning-report | mail -s morning petra\n' | crontab -u petra -
script /home/petra/bin/morning-report '#!/bin/bash
last -n 15; df -h /srv; zgrep -ch "Failed password" /var/log/auth.log*'
# What lies about and what runs; an upgrade of a library and of a program that still run in their old form.
mkdir -p /tmp/restore-kanzlei /var/tmp/dist; put /tmp/restore-kanzlei/index.php '<?php require "boot.php";'; put /tmp/check-mx.sh 'for d in $(cat domains); do dig +short mx $d; done'; put /var/tmp/dist/app.tar.gz.sha256 'e3b0c44298fc1c149afbf4c8996fb924'; chown -R petra: /tmp/restore-kanzlei /tmp/check-mx.sh
chown -R petra: /home/petra; chown -R tomas: /home/tomas; chown -R lea: /home/lea; chown -R deploy: /home/deploy /srv/apps; chmod 750 /home/*
background deploy 'PM2 v5.3.1: God Daemon (/home/deploy/.pm2)' /opt/node-v20.11.1-linux-x64/bin/node 1000000
su petra -c 'ssh-agent >/dev/null' 2>/dev/null; su tomas -c 'screen -dmS noc sleep 1000000' 2>/dev/null
systemctl daemon-reload
systemctl enable --now statuspage ticketd gitea promtail dsm_sa_datamgrd mirror.timer 2>/dev/null
apache2ctl -t 2>/dev/null && systemctl reload apache2 2>/dev/null
timeout 20 systemctl restart cockpit.socket 2>/dev/null
for service in xinetd unbound pdns dnsmasq amavis prometheus $(cd /etc/php 2>/dev/null && for v in *; do echo php$v-fpm; done); do systemctl --no-block restart $service 2>/dev/null; done
card=$(ls /sys/class/net | grep -v -E '^(lo|virbr|ovs)' | head -1); [ -n "$card" ] && timeout 30 systemctl start "arpwatch@$card" 2>/dev/null
sleep 1; for file in "$(readlink -f /usr/lib/x86_64-linux-gnu/libz.so.1)" "$(readlink -f /usr/bin/screen)"; do [ -f "$file" ] && cp -p "$file" "$file.dpkg-new" && mv "$file.dpkg-new" "$file"; done
# Histories.
cat >/root/.bash_history <<'END'
apt update; apt -y full-upgrade
needrestart -r l
systemctl reload apache2
apache2ctl -S
curl https://get.acme.sh | sh -s email=hostmaster@example.net
acme.sh --issue -d baeckerei.example.net -w /var/www/acme --reloadcmd 'systemctl reload apache2'
acme.sh --list
useradd -M -d /srv/customers/kanzlei -s /usr/sbin/nologin -G sftponly kanzlei
passwd kanzlei
chown root:root /srv/customers/kanzlei
sshd -t && systemctl reload ssh
tail -f /var/log/auth.log
grep 'Failed password' /var/log/auth.log | awk '{print $(NF-3)}' | sort | uniq -c | sort -rn | head
bans add 45.155.205.233 720
nft -c -f /etc/nftables.conf && nft -f /etc/nftables.conf
nft list ruleset | less
iptables -t nat -L -n -v
cd /usr/local/bin && wget https://github.com/borgbackup/borg/releases/download/1.2.7/borg-linux64 -O borg && chmod 755 borg
wget -O /usr/local/bin/gitea https://dl.gitea.com/gitea/1.21.5/gitea-1.21.5-linux-amd64; chmod +x /usr/local/bin/gitea
sha256sum /usr/local/bin/gitea
setcap cap_net_bind_service=+ep /usr/local/bin/gitea
curl -fsSL https://packages.sury.org/php/apt.gpg -o /usr/share/keyrings/sury-php.gpg
tar xJf node-v20.11.1-linux-x64.tar.xz -C /opt && rm node-v20.11.1-linux-x64.tar.xz
npm i -g pm2
userdel praktikant
find /srv/customers -nouser | head
find /srv/customers -name '*.php' -mtime -2 | grep uploads
grep -rlE 'eval\(|base64_decode\(' /srv/customers/*/htdocs --include=*.php | head -50
clamscan -ri /srv/customers/fotostudio
rkhunter --check --sk; chkrootkit -q
lynis audit system --quick
chmod 777 /srv/customers/fotostudio/htdocs/cache
mysqldump -h db2.internal baeckerei_wp > /root/baeckerei.sql
borg list; borg mount ::web1-2026-03-02 /mnt; cp -rp /mnt/srv/customers/baeckerei/htdocs /srv/restore/2026-03-baeckerei/; borg umount /mnt
ssh-keygen -t ed25519 -f /root/.ssh/backup_ed25519
ssh-copy-id -p 23 -s -i /root/.ssh/backup_ed25519 u123456@box.backup.example.com
crontab -e
visudo -f /etc/sudoers.d/20-monitoring
sudo -u nagios sudo -l
journalctl -u clamav-daemon -n 50; systemctl stop clamav-daemon; freshclam; systemctl start clamav-daemon
postqueue -p | tail -1; postsuper -d ALL deferred
lsof -nP -iTCP:9090 -sTCP:LISTEN
systemctl edit cockpit.socket
ps auxww --sort=-%cpu | head; kill -9 21877
lsof +L1
du -xsh /srv/customers/* | sort -h | tail
rm -rf /tmp/restore-*; rm -f /var/log/apache2/*.log.5?.gz
journalctl --vacuum-time=30d
ipmitool sel elist; ipmitool sensor | grep -i fan
virsh console tickets
tcpdump -ni eth0 port 53 -c 200
openssl s_client -connect mail1.internal:993 -servername mail.example.net </dev/null
scp petra@bastion.example.net:wildcard.pem /etc/ssl/private/
update-ca-certificates
sl
exit
END
cat >/home/petra/.bash_history <<'END'
sudo -i
ssh -A web2
ssh db2 'mysqladmin processlist'
rsync -avn web2:/srv/customers/ /srv/customers/
for c in baeckerei kanzlei turnverein; do curl -sI http://$c.example.net | head -1; done
goaccess /var/log/apache2/baeckerei.access.log -o /tmp/report.html --log-format=COMBINED
zcat -f /var/log/apache2/*access.log* | grep -c wp-login
tmux new -s upgrade
tmux a
ssh-add -l
eval $(ssh-agent); ssh-add ~/.ssh/id_ed25519
echo 'c3lzdGVtY3RsIHJlbG9hZCBhcGFjaGUy' | base64 -d
openssl rand -base64 18
htpasswd -B /srv/customers/kanzlei/private/.htpasswd sekretariat
sudo vim /etc/ssh/sshd_config.d/20-hosting.conf
nmap -sV -p 22,80,443 web2.internal
crontab -l
gti status
END
stamp=$(($(date +%s) - 20000000))
while read -r line; do stamp=$((stamp + 310000)); printf '#%s\n%s\n' $stamp "$line"; done >/home/tomas/.bash_history <<'END'
birdc show route count
sudo vtysh -c 'show bgp summary'
mtr -rwc 20 203.0.113.1
sudo ovs-vsctl show
sudo tcpdump -ni any udp port 1812 -vv
radtest kunde42 geheim 127.0.0.1 0 testing123
sudo ipsec statusall
screen /dev/console-sw1 9600
scp sw-access1:running-config /srv/tftp/backup/
ssh -L 8443:10.20.5.2:443 bastion.example.net
nc -zv db2.internal 5432
dig @127.0.0.1 -p 5300 example.net axfr
go install github.com/osrg/gobgp/v3/cmd/gobgp@latest
sudo systemctl stop sshguard
sudo systemctl start sshguard
python3 -m http.server 8000 --directory /srv/tftp
screen -x noc
END
cat >/home/lea/.bash_history <<'END'
git clone git@git.example.net:platform/status.git src/status
cd src/status && pnpm install
git push deploy main
sudo systemctl restart statuspage.service
sudo journalctl -u statuspage
curl -s localhost:3000/healthz
curl -fsSL https://get.pnpm.io/install.sh | sh -
psql -h localhost -p 15432 status
node -e 'console.log(Buffer.from("ok").toString("base64"))'
scp dist.tgz web1:/var/tmp/dist/
rm -rf node_modules && pnpm i
END
for who in petra tomas lea; do chown $who: /home/$who/.bash_history; chmod 600 /home/$who/.bash_history; done; chmod 600 /root/.bash_history /root/.ssh/config
# Logs of the week: visitors, crawlers and scanners of the web, guesses at ssh that failed, the logins of the people above.
PETRA=$(print petra@thinkpad) TOMAS=$(print tomas@desk) LEA=$(print lea@mbp) python3 - <<'END'
import os, pwd, random, struct, time
random.seed(7); host = os.uname().nodename; end = time.time() - 7200; begin = end - 6 * 86400
bots = ["45.155.205.%d" % n for n in range(20, 60)] + ["185.191.171.%d" % n for n in range(9)]; people = ["91.12.%d.%d" % (n, n * 3 % 250) for n in range(120)]
firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:126.0) Gecko/20100101 Firefox/126.0"
good = ["/", "/produkte/", "/kontakt/", "/wp-content/uploads/logo.svg", "/robots.txt", "/feed/", "/thumb.php?src=hochzeit_12.jpg&w=400", "/doku.php?id=start&do=edit"]
bad = [("GET", "/.env", 404), ("GET", "/.git/config", 404), ("GET", "/wp-content/plugins/wp-file-manager/readme.txt", 404), ("POST", "/xmlrpc.php", 403), ("GET", "/phpmyadmin/index.php", 404), ("GET", "/cgi-bin/.%2e/.%2e/.%2e/.%2e/bin/sh", 400), ("GET", "/?page=../../../../../../etc/passwd", 404), ("GET", "/shell.php?cmd=id", 404), ("POST", "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php", 404), ("GET", "/index.php?id=1%27%20UNION%20SELECT%201,2,3--", 404), ("GET", "/actuator/env", 404), ("GET", "/?x=${jndi:ldap://203.0.113.250:1389/a}", 404), ("GET", "/boaform/admin/formLogin?username=admin&psd=admin", 404), ("POST", "/wp-login.php", 403), ("GET", "/alfa.php", 404), ("GET", "/wp-content/uploads/wso.php", 403)]
for site, count in (("baeckerei", 3200), ("kanzlei", 700), ("turnverein", 1100), ("fotostudio", 900)):
    with open("/var/log/apache2/%s.access.log.1" % site, "w") as log:
        for when in sorted(random.uniform(begin, end) for _ in range(count)):
            stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(when))
            if random.random() < 0.3:
                who, (how, what, code), size, agent = random.choice(bots), random.choice(bad), 437, random.choice(["python-requests/2.31.0", "Mozilla/5.0 zgrab/0.x", "-", "Go-http-client/1.1"])
            else:
                who, how, what, code, size, agent = random.choice(people), "GET", random.choice(good), random.choice([200, 200, 200, 304]), random.randrange(300, 40000), random.choice([firefox, "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"])
            log.write('%s - - [%s] "%s %s HTTP/1.1" %d %d "-" "%s"\n' % (who, stamp, how, what, code, size, agent))
    os.chmod(log.name, 0o640); os.utime(log.name, (end, end))
team = [("petra", "10.20.0.41", os.environ["PETRA"]), ("tomas", "10.20.0.42", os.environ["TOMAS"]), ("lea", "10.20.0.57", os.environ["LEA"])]
events, wtmp, btmp = [], [], []
def record(kind, pid, line, user, address, when):
    return struct.pack("<hxxi32s4s32s256shhiii16s20x", kind, pid, line.encode(), line[-2:].encode(), user.encode(), address.encode(), 0, 0, 0, int(when), 0, bytes(int(n) for n in address.split(".")) if address else b"")
for day in range(6):
    for seat, (who, address, print_) in enumerate(team):
        when, pid, port = begin + day * 86400 + random.uniform(0, 30000), random.randrange(2000, 60000), random.randrange(40000, 60000)
        events += [(when, "sshd", pid, "Accepted publickey for %s from %s port %d ssh2: ED25519 %s" % (who, address, port, print_)), (when + .1, "sshd", pid, "pam_unix(sshd:session): session opened for user %s(uid=%d) by (uid=0)" % (who, pwd.getpwnam(who).pw_uid)), (when + 9000, "sshd", pid, "Disconnected from user %s %s port %d" % (who, address, port)), (when + 9000.1, "sshd", pid, "pam_unix(sshd:session): session closed for user %s" % who)]
        wtmp += [(when, record(7, pid, "pts/%d" % seat, who, address, when)), (when + 9000, record(8, pid, "pts/%d" % seat, "", "", when + 9000))]
        command = "/usr/bin/systemctl restart statuspage.service" if who == "lea" else "/bin/bash"
        events += [(when + 60, "sudo", 0, "%8s : TTY=pts/%d ; PWD=/home/%s ; USER=root ; COMMAND=%s" % (who, seat, who, command))]
for n in range(1500):
    when, address, pid, user = random.uniform(begin, end), random.choice(bots), random.randrange(2000, 60000), random.choice(["admin", "test", "oracle", "ubuntu", "postgres", "ftpuser", "pi", "root"])
    text = "Failed password for %s%s from %s port %d ssh2" % ("" if user == "root" else "invalid user ", user, address, random.randrange(30000, 60000))
    events += [(when, "sshd", pid, text), (when + 2, "sshd", pid, "Connection closed by authenticating user %s %s port 40022 [preauth]" % (user, address))]
    btmp += [(when, record(6, pid, "ssh:notty", user, address, when))]
events += [(begin + n * 900, "CRON", 3000 + n, "pam_unix(cron:session): session opened for user baeckerei(uid=%d) by (uid=0)" % pwd.getpwnam("baeckerei").pw_uid) for n in range(570)]
with open("/var/log/auth.log.1", "w") as log:
    for when, name, pid, text in sorted(events):
        log.write("%s.%06d+00:00 %s %s%s: %s\n" % (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when)), when % 1 * 1e6, host, name, "[%d]" % pid if pid else "", text))
os.chmod("/var/log/auth.log.1", 0o640)
for name, rows, mode in (("wtmp.1", wtmp, 0o664), ("btmp.1", btmp, 0o660)):
    with open("/var/log/" + name, "wb") as log:
        log.writelines(row for _, row in sorted(rows))
    os.chmod(log.name, mode)
END
chgrp adm /var/log/auth.log.1 /var/log/apache2/*.access.log.1; chgrp utmp /var/log/wtmp.1 /var/log/btmp.1; rm -rf "$spare"
exit 0
