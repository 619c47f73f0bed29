"""The maintenance page by Debian's real web servers and proxies: 503 to everything, and as before after the undo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.unpacked_host import Host, host_with
from tests.unpacked import needs_debian

pytestmark = needs_debian
SITE = "http://203.0.113.1/index.html"
PARAMS = {"contact": "noc@example.jp", "visitors": "own"}


@dataclass(frozen=True)
class Served:
    """A web server as its administrator has it: a site that answers 200."""

    name: str
    main: str
    packages: tuple[str, ...]
    settings: str
    start: str
    """Writes what the package's own scripts would, and starts the server."""
    https: bool = True


NGINX = Served(
    "nginx",
    "/etc/nginx/nginx.conf",
    ("nginx", "nginx-common"),
    """user www-data;
pid /run/nginx.pid;
events {}
http {
    include /etc/nginx/mime.types;
    server { listen 80; listen [::]:80; server_name shop.example; root /run/site; }
    server { listen 80 default_server; listen [::]:80 default_server; root /run/site; }
    server {
        listen 443 ssl; server_name shop.example; root /run/site;
        ssl_certificate /run/c.pem; ssl_certificate_key /run/k.pem;
    }
}
""",
    "service nginx start",
)
LIGHTTPD = Served(
    "lighttpd",
    "/etc/lighttpd/lighttpd.conf",
    ("lighttpd", "lighttpd-mod-openssl"),
    """server.document-root = "/run/site"
server.port = 80
server.username = "www-data"
server.groupname = "www-data"
server.pid-file = "/run/lighttpd.pid"
server.errorlog = "/var/log/lighttpd/error.log"
$SERVER["socket"] == "[::]:80" { }
mimetype.assign = ( ".html" => "text/html" )
""",
    "service lighttpd start",
)
HAPROXY = Served(
    "HAProxy",
    "/etc/haproxy/haproxy.cfg",
    ("haproxy", "libopentracing-c-wrapper0", "libopentracing1"),
    """global
    user www-data
    group www-data
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend shop
    bind :::80 v4v6
    http-request return status 200 content-type text/html string "the shop"
""",
    "mkdir -p /run/haproxy; service haproxy start",
)
VARNISH = Served(
    "Varnish",
    "/etc/varnish/default.vcl",
    ("varnish", "libvarnishapi3", "libjemalloc2"),
    """vcl 4.1;
backend default none;
sub vcl_recv { return (synth(200)); }
sub vcl_synth { synthetic("the shop"); return (deliver); }
""",
    """echo 'varnish:x:992:
' >>/etc/group
printf 'varnish:x:992:992::/:/x\nvcache:x:993:992::/:/x\n' >>/etc/passwd
sed -i -e 's/-a :6081/-a :80/' -e '/ulimit/d' /etc/default/varnish /etc/init.d/varnish
mkdir -p /var/lib/varnish && head -c 32 /dev/urandom | base64 >/etc/varnish/secret
service varnish start""",
    https=False,
)
CADDY = Served(
    "Caddy",
    "/etc/caddy/Caddyfile",
    ("caddy",),
    'http:// {\n\trespond "the shop" 200\n}\n',
    """mkdir -p /run/caddy
cat >/etc/init.d/caddy <<'END'
#!/bin/sh
export HOME=/run/caddy
exec caddy "$1" --config /etc/caddy/Caddyfile --adapter caddyfile ${2-} >/dev/null 2>&1
END
chmod +x /etc/init.d/caddy
service caddy start""",
)
ALL = (NGINX, LIGHTTPD, HAPROXY, VARNISH, CADDY)


@dataclass(frozen=True)
class Site:
    """The host, with a server that answers."""

    host: Host
    served: Served

    def ask(self, *curl: str) -> str:
        return self.host.place.run("curl", "-gksi", "-m", "5", *curl).stdout.replace("\r", "")

    def main(self) -> str:
        return self.host.sh(f"sha256sum {self.served.main}; stat -c '%a %u %g' {self.served.main}")


@pytest.fixture(params=ALL, ids=lambda served: served.name)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    served: Served = request.param
    tmp_path.chmod(0o755)
    (tmp_path / "main").write_text(served.settings)
    with host_with(tmp_path, *served.packages) as host:
        host.sh(
            "mkdir -p /run/site && echo 'the shop' >/run/site/index.html && chmod 755 /run\n"
            "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout /run/k.pem -out /run/c.pem 2>/dev/null\n"
            "cat /run/c.pem /run/k.pem >/run/both.pem\n"
            f"cp {tmp_path}/main {served.main}\n{served.start}"
        )
        it = Site(host, served)
        host.sh(f"for _ in $(seq 100); do curl -gsf -m 2 {SITE} && exit; sleep 0.1; done; exit 1")
        yield it


def test_every_request_is_answered_503_and_the_undo_leaves_no_trace(site: Site) -> None:
    before = site.main()
    status, said = site.host.run("web.maintenance", PARAMS, "--yes")
    assert status == 0, said

    for url in (SITE, "http://[2001:db8:113::1]/uploads/logo.php?x=1", "http://203.0.113.1/.htaccess"):
        answer = site.ask(url, "-H", "Host: anything.example", "-H", "Accept-Language: ja,en;q=0.5")
        assert answer.startswith("HTTP/1.1 503 "), answer
        assert "retry-after: 3600" in answer.lower()
        assert "cache-control: no-store" in answer.lower()
        assert '<html lang="ja">' in answer
    posted = site.ask(SITE, "-d", "order=1", "-H", "Accept: application/json")
    assert " 503 " in posted.splitlines()[0]
    assert ('"status": 503' in posted) == (site.served.name != "lighttpd"), posted
    assert "unchanged" in site.host.run("web.maintenance", PARAMS, "--dry-run")[1]

    status, said = site.host.stopgap("undo", "last", "--yes")
    assert status == 0, said
    assert site.main() == before
    site.host.sh(f"for _ in $(seq 100); do curl -gsf -m 2 {SITE} && exit; sleep 0.1; done; exit 1")


@pytest.mark.parametrize("site", [NGINX, LIGHTTPD, HAPROXY, CADDY], indirect=True, ids=lambda served: served.name)
def test_with_a_certificate_the_page_comes_by_https_too(site: Site) -> None:
    both = {"certificate": "/run/both.pem", "key": "/run/both.pem"}
    status, said = site.host.run("web.maintenance", {**PARAMS, **both, "names": ["shop.example"]}, "--yes")
    assert status == 0, said
    answer = site.ask("https://203.0.113.1/", "--http1.1")
    assert answer.startswith("HTTP/1.1 503 "), answer
    assert "noc@example.jp" in answer


@pytest.mark.parametrize("site", [NGINX], indirect=True, ids=["nginx"])
def test_https_stays_open_with_the_certificates_in_use(site: Site) -> None:
    status, said = site.host.run("web.maintenance", PARAMS, "--yes")
    assert status == 0, said
    assert site.ask("https://203.0.113.1/", "-H", "Host: shop.example", "--http1.1").startswith("HTTP/1.1 503 ")


@pytest.mark.parametrize("site", [NGINX, HAPROXY], indirect=True, ids=lambda served: served.name)
def test_a_configuration_that_fails_its_test_is_put_back_before_the_server_hears_of_it(site: Site) -> None:
    before = site.main()
    broken = {"certificate": "/run/no.pem", "key": "/run/no.pem"}
    status, said = site.host.run("web.maintenance", {**PARAMS, **broken}, "--yes")
    assert status == 1, said
    assert site.main() == before
    assert "the shop" in site.ask(SITE)
