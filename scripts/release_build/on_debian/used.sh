# On a fresh system, as root, without systemd: install, use and purge the package; count the files that are left.
set -eu
files() { find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /run -o -path /var/cache \
    -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/log \) -prune -o -print | sort; }
export DEBIAN_FRONTEND=noninteractive HOME=/root
files >/tmp/before
apt-get install -q -y -o Dpkg::Use-Pty=0 /stopgap.deb >/tmp/apt 2>&1 || { cat /tmp/apt; exit 1; }
echo "installed:   $(stopgap --version), $(python3 --version)"
echo "manual:      $(man stopgap 2>/dev/null | grep -c 'stopgap evidence findings') mentions of 'evidence findings'"
completion=/usr/share/bash-completion/completions/stopgap
echo "completion:  $(bash -c "source $completion; complete -p stopgap" | cut -c 1-40)"
echo "pages:       $(stopgap docs | wc -l)"
cd /tmp
printf 'hosts: {here: {address: 127.0.0.1, connection: local}}\n' >inventory.yaml
printf '{name: A look, steps: [{task: evidence.collect, with: {profile: volatile}}]}\n' >runbook.yaml
echo "dry run:     $(stopgap run runbook.yaml -i inventory.yaml -t here --dry-run | grep Plan)"
rm -rf /root/.local /root/.cache
apt-get purge -q -y -o Dpkg::Use-Pty=0 stopgap >/tmp/apt 2>&1 || { cat /tmp/apt; exit 1; }
files >/tmp/after
diff /tmp/before /tmp/after >/tmp/left || :
echo "left behind: $(grep -c '^[<>]' /tmp/left || :) files, $(getent passwd stopgap || echo 'no account')"
grep '^[<>]' /tmp/left || :
