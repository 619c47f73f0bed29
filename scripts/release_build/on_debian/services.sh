# On a fresh system that has booted, as root: the units of the package, with a run that a runner carries on, and the page.
set -eu
export DEBIAN_FRONTEND=noninteractive HOME=/root
cd /
apt-get install -q -y -o Dpkg::Use-Pty=0 /stopgap.deb >/tmp/apt 2>&1 || { cat /tmp/apt; exit 1; }
echo "account:     $(getent passwd stopgap), $(stat -c '%U:%G %a' /etc/stopgap) /etc/stopgap"
echo "enabled:     serve $(systemctl is-enabled stopgap-serve.socket || :), runner $(systemctl is-enabled stopgap-runner@tokyo || :)"
systemd-analyze verify stopgap-serve.socket stopgap-serve.service stopgap-runner@tokyo.service
echo "verified:    $(ls /usr/lib/systemd/system | grep -c '^stopgap') units"
for unit in stopgap-serve.service stopgap-runner@tokyo.service; do
    echo "exposure:    $(systemd-analyze security --no-pager "$unit" | sed -n 's/^. *Overall exposure level for //p' | cut -c 1-60)"
done

page() { # ACCOUNT: what the page answers to this account
    runuser -u "$1" -- python3 -c '
import http.client, socket
asked = http.client.HTTPConnection("localhost")
asked.sock = socket.socket(socket.AF_UNIX)
try:
    asked.sock.connect("/run/stopgap-serve.socket")
except OSError as error:
    raise SystemExit(print(error.strerror))
asked.request("GET", "/", headers={"X-Remote-User": "kei"})
answer = asked.getresponse()
text = answer.read().decode()
print(answer.status, "A run of the site" in text and "shows the run" or "shows no run")'
}
# The journal of a team, on this machine, where the account of the services is an operator, and makes the queue's tables.
export STOPGAP_JOURNAL=postgresql:///stopgap
systemctl start postgresql
until runuser -u postgres -- createdb stopgap 2>/dev/null; do sleep 0.2; done
runuser -u postgres -- env STOPGAP_HOME=/tmp/install stopgap journal install >/tmp/made 2>&1 || { cat /tmp/made; exit 1; }
runuser -u postgres -- psql -q stopgap -c 'CREATE ROLE stopgap LOGIN; GRANT stopgap_operator TO stopgap' \
    -c 'GRANT CREATE ON DATABASE stopgap TO stopgap'
echo 'STOPGAP_JOURNAL=postgresql:///stopgap' >>/etc/default/stopgap
printf 'hosts: {here: {address: 127.0.0.1, connection: local, site: tokyo}}\n' >/etc/stopgap/tokyo.yaml
printf '{name: A run of the site, steps: [{task: host.command, with: {argv: ["true"], undo: ["true"]}}]}\n' >/tmp/runbook.yaml
systemctl start stopgap-serve.socket
echo "page:        $(page www-data) (the web server), $(page nobody) (another account)"
systemctl enable -q --now stopgap-runner@tokyo
order="stopgap run /tmp/runbook.yaml -i /etc/stopgap/tokyo.yaml -t here --site tokyo --yes"
runuser -u stopgap -- env STOPGAP_HOME=/var/lib/stopgap $order >/tmp/ordered 2>&1 || { cat /tmp/ordered; exit 1; }
for _ in $(seq 200); do
    journalctl -o cat -u stopgap-runner@tokyo | grep -q 'exit status' && break
    sleep 0.3
done
echo "runner:      $(systemctl is-active stopgap-runner@tokyo), $(journalctl -o cat -u stopgap-runner@tokyo | grep 'exit status' | tail -n 1)"
echo "page:        $(page www-data)"
apt-get install -q -y --reinstall -o Dpkg::Use-Pty=0 /stopgap.deb >/tmp/apt 2>&1 || { cat /tmp/apt; exit 1; }
sleep 1
echo "upgraded:    settings $(grep -c '^STOPGAP_JOURNAL' /etc/default/stopgap) kept, runner $(systemctl is-active stopgap-runner@tokyo)"
apt-get purge -q -y -o Dpkg::Use-Pty=0 stopgap >/tmp/apt 2>&1 || { cat /tmp/apt; exit 1; }
echo "purged:      $(pgrep -c -u stopgap || :) processes, $(ls /etc/systemd/system/*.wants | grep -c stopgap || :) links of units"
grep '^stopgap: ' /tmp/apt || :
