"""dns.point on a real BIND with a TSIG key, and on a real NSD: a name points to the spare, and back as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.unpacked_host import Host, host_with
from tests.unpacked import needs_debian

pytestmark = needs_debian
PACKAGES = (
    *("bind9", "bind9-libs", "bind9-utils", "bind9-dnsutils", "libjemalloc2", "liblmdb0", "libmaxminddb0"),
    *("libfstrm0", "libprotobuf-c1", "nsd", "libevent-2.1-7"),
)
ZONE = """\
$TTL 3600
@ SOA ns hostmaster 1 3600 600 86400 300
@ NS ns
ns A 203.0.113.53
www 7200 A 203.0.113.10
www 7200 AAAA 2001:db8:113::10
mail CNAME www
"""
START = """
mkdir -p /run/zones && cp {home}/zone /run/zones/shop && tsig-keygen operator >/run/zones/key
cat >/run/zones/named.conf <<END
include "/run/zones/key";
options {{ directory "/run/zones"; pid-file "/run/zones/pid"; listen-on {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
recursion no; session-keyfile "/run/zones/session.key"; dnssec-validation no; }};
controls {{ }};
zone "shop.example" {{ type primary; file "shop"; update-policy {{ grant operator zonesub ANY; }}; }};
END
named -c /run/zones/named.conf
mkdir -p /run/nsd && cp {home}/zone /run/nsd/shop
cat >/etc/nsd/nsd.conf <<END
server:
    ip-address: 127.0.0.2
    username: ""
    zonesdir: /run/nsd
    pidfile: /run/nsd/pid
    xfrdfile: /run/nsd/xfrd
    xfrdir: /run/nsd
    zonelistfile: /run/nsd/list
    database: ""
remote-control:
    control-enable: yes
    control-interface: /run/nsd/control
zone:
    name: shop.example
    zonefile: shop
END
nsd
for server in 127.0.0.1 127.0.0.2; do
    for _ in $(seq 100); do dig +short @$server www.shop.example | grep -q . && continue 2; sleep 0.1; done; exit 1
done
"""
PARAMS = {
    "zone": "shop.example",
    "name": "www.shop.example",
    "addresses": ["203.0.113.20", "2001:db8:113::20"],
    "key": "/run/zones/key",
}
RELOAD = ["nsd-control", "reload", "shop.example"]
LOOK = "for kind in A AAAA; do dig +noall +answer @127.0.0.1 www.shop.example $kind; done | tr -s '\\t ' ' '"
BEFORE = "www.shop.example. 7200 IN A 203.0.113.10\nwww.shop.example. 7200 IN AAAA 2001:db8:113::10\n"
AFTER = "www.shop.example. 60 IN A 203.0.113.20\nwww.shop.example. 60 IN AAAA 2001:db8:113::20\n"


@pytest.fixture
def bind(tmp_path: Path) -> Iterator[Host]:
    (tmp_path / "zone").write_text(ZONE)
    with host_with(tmp_path, *PACKAGES) as host:
        host.sh(START.format(home=tmp_path))
        yield host
        host.sh("kill $(cat /run/zones/pid /run/nsd/pid)")


def test_a_name_points_to_the_spare_and_comes_back_with_its_own_times(bind: Host) -> None:
    assert bind.sh(LOOK) == BEFORE
    status, said = bind.run("dns.point", PARAMS, "--dry-run")
    assert status == 0, said
    assert "resolvers keep the old addresses for up to 2h" in said
    assert bind.sh(LOOK) == BEFORE

    status, said = bind.run("dns.point", PARAMS, "--yes")
    assert status == 0, said
    assert bind.sh(LOOK) == AFTER
    assert "unchanged" in bind.run("dns.point", PARAMS, "--dry-run")[1]

    status, said = bind.stopgap("undo", "last", "--yes")
    assert status == 0, said
    assert bind.sh(LOOK) == BEFORE


def test_what_somebody_has_pointed_elsewhere_since_is_left(bind: Host) -> None:
    status, said = bind.run("dns.point", PARAMS, "--yes")
    assert status == 0, said
    other = "server 127.0.0.1\nupdate delete www.shop.example. A\nupdate add www.shop.example. 5 A 192.0.2.9\nsend\n"
    bind.sh(f"printf '{other}' | nsupdate -k /run/zones/key")
    status, said = bind.stopgap("undo", "last", "--yes")
    assert status != 0, said
    assert "192.0.2.9" in bind.sh(LOOK)


def test_an_update_that_the_name_server_refuses_fails_the_step(bind: Host) -> None:
    bind.sh("tsig-keygen stranger >/run/zones/stranger")
    status, said = bind.run("dns.point", {**PARAMS, "key": "/run/zones/stranger"}, "--yes")
    assert status == 1, said
    assert bind.sh(LOOK) == BEFORE


def test_a_zone_file_of_nsd_is_tested_read_again_and_brought_back_under_a_higher_serial(bind: Host) -> None:
    before = bind.sh("cat /run/nsd/shop")
    look = LOOK.replace("127.0.0.1", "127.0.0.2")
    params = {**PARAMS, "server": "127.0.0.2", "zone_file": "/run/nsd/shop", "reload": RELOAD}
    del params["key"]
    assert bind.run("dns.point", {**params, "reload": ["false"]}, "--yes")[0] == 1
    assert bind.sh("cat /run/nsd/shop; ls /run/nsd") == before + bind.sh("ls /run/nsd")

    status, said = bind.run("dns.point", params, "--yes")
    assert status == 0, said
    assert bind.sh(look) == AFTER
    assert bind.sh("dig +short @127.0.0.2 mail.shop.example CNAME") == "www.shop.example.\n"
    assert "unchanged" in bind.run("dns.point", params, "--dry-run")[1]

    status, said = bind.stopgap("undo", "last", "--yes")
    assert status == 0, said
    assert bind.sh(look) == BEFORE
    assert bind.sh("cat /run/nsd/shop") == before.replace("hostmaster 1 ", "hostmaster 3 ")
