"""HTTP only, on the spare: a fresh Debian gets Apache, its firewall lets visitors in, the words change at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .conftest import Lab
from .operator import Operator

PAGE = ("-t", "web", "-p", "contact=noc@example.jp")
REPACK = r"""
set -e
mkdir -p /srv/repo && cd /srv/repo
for p in apache2 apache2-bin apache2-data apache2-utils; do
    mkdir -p /tmp/repack/$p/DEBIAN
    dpkg-query -L $p | grep -vx -e /. -e /lib | while read -r f; do
        if [ -e "$f" ]; then echo ".$f"; fi
    done >/tmp/list
    tar -C / --no-recursion -cf - -T /tmp/list | tar -C /tmp/repack/$p -xf -
    dpkg-query -W -f 'Package: ${Package}\nVersion: ${Version}\nArchitecture: ${Architecture}
Maintainer: ${Maintainer}\nDepends: ${Depends}\nDescription: ${Package}\n' $p |
        sed '/^Depends: $/d' >/tmp/repack/$p/DEBIAN/control
    for s in conffiles preinst postinst prerm postrm; do
        f=/var/lib/dpkg/info/$p.$s; [ ! -e $f ] || cp -p $f /tmp/repack/$p/DEBIAN/$s
    done
    dpkg-deb -Znone -b /tmp/repack/$p $p.deb >/dev/null
    dpkg-deb -f $p.deb >>Packages
    sum=$(sha256sum <$p.deb | cut -c-64)
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' $p.deb "$(stat -c %s $p.deb)" "$sum" >>Packages
done
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/repo ./' >/etc/apt/sources.list
apt-get -q -y purge apache2 apache2-bin apache2-data apache2-utils
"""
"""Makes a spare without Apache, and puts its own packages back together where apt finds them, without a network."""
FIREWALL = """
table inet filter {
    chain input {
        type filter hook input priority 0; policy drop;
        ct state established,related accept
        iif lo accept
        meta l4proto { icmp, ipv6-icmp } accept
        tcp dport 22 accept
    }
}
"""


@pytest.fixture(scope="module")
def operator(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    made = Operator(lab, tmp_path_factory.mktemp("state"))
    yield made
    made.undo_all()


def get(lab: Lab, *words: str) -> str:
    return lab.exec("internet", "curl", "-gskm", "3", *words).stdout


def test_a_spare_with_nothing_on_it_shows_the_page_with_one_command(lab: Lab, operator: Operator) -> None:
    lab.read("spare", REPACK)
    assert lab.ssh("spare", "nft -f -", stdin=FIREWALL).returncode == 0
    before = lab.read("spare", "nft -s list ruleset; dpkg-query -W | grep apache || true")
    lab.read(
        "spare",
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=www.example.jp -days 2"
        " -keyout /etc/ssl/private/new.key -out /etc/ssl/new.pem 2>&1",
    )
    given = (*PAGE, "-p", "visitors=own", "-p", "certificate=/etc/ssl/new.pem", "-p", "key=/etc/ssl/private/new.key")
    dry = operator.stopgap("run", "runbooks/spare.yaml", "-i", operator.inventory, *given, "--dry-run")
    assert dry.status == 0, dry.err
    assert "install Apache" in dry.out
    assert not lab.tcp("203.0.113.20", 80)

    ran = operator.run("runbooks/spare.yaml", *given, "--yes", timeout=300)
    assert ran.status == 0, ran.out + ran.err
    for url in ("http://203.0.113.20/", "http://[2001:db8:113::20]/", "https://203.0.113.20/anything"):
        assert lab.http(url) == 503 or get(lab, "-o", "/dev/null", "-w", "%{http_code}", url) == "503", url
    assert '<html lang="ja">' in get(lab, "-H", "Accept-Language: ja", "https://203.0.113.20/")

    words = (
        "-p",
        "en=Mail works again.",
        "-p",
        "ja=メールは復旧しました。",
        "-p",
        "next_word=2026-11-25T21:00+09:00",
    )
    again = operator.run("runbooks/update-page.yaml", *given, *words, "--yes")
    assert again.status == 0, again.err
    said = [e["do"] for e in again.events if e["event"] == "change-intended"]
    assert said, again.out
    assert all(does.startswith("replace /var/www/stopgap/") for does in said), "Apache is told nothing"
    assert "Mail works again." in get(lab, "http://203.0.113.20/")
    assert "2026年11月25日 21:00" in get(lab, "-H", "Accept-Language: ja", "http://203.0.113.20/")
    assert "メールは復旧しました。" in get(lab, "-H", "Accept: application/json", "http://203.0.113.20/")

    assert operator.stopgap("undo", "last", "--yes").status == 0
    assert "Mail works again." not in get(lab, "http://203.0.113.20/")
    first = operator.stopgap("runs").out.splitlines()[-1].split()[0]
    undone = operator.stopgap("undo", first, "--yes")
    assert undone.status == 0, undone.out
    assert lab.read("spare", "nft -s list ruleset; dpkg-query -W | grep apache || true") == before
    assert not lab.tcp("203.0.113.20", 80)
    assert lab.read("spare", "ls /etc/apache2 /var/www/stopgap 2>/dev/null || true").strip() == ""
