"""The maintenance page by Debian's real web servers and proxies: 503 to everything, and as before after the undo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from page_play.requests import answers

from tests.unit.unpacked_host import Host, host_with
from tests.unpacked import needs_debian

pytestmark = needs_debian
SITE = "http://203.0.113.1/index.html"
BOTH = {"certificate": "/run/both.pem", "key": "/run/both.pem"}
"""Signed by itself: browsers would warn."""
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
_MODULES = "".join(
    f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"
    for name in ("mpm_event", "authz_core", "alias", "headers", "setenvif", "mime", "dir", "socache_shmcb", "ssl")
)
_SITE = """PidFile /run/httpd.pid
ErrorLog /run/httpd.log
ServerName localhost
TypesConfig /dev/null
DocumentRoot /run/site
<Directory /run/site>
    Require all granted
</Directory>
"""
APACHE_BEHIND = replace(
    NGINX,
    name="nginx before Apache",
    settings="""user www-data;
pid /run/nginx.pid;
events {}
http {
    server { listen 80; listen [::]:80; location / { proxy_pass http://127.0.0.1:8080; } }
}
""",
    start=f"""cat >/run/httpd.conf <<'END'
{_MODULES}{_SITE}Listen 127.0.0.1:8080
END
apache2 -f /run/httpd.conf
service nginx start""",
)
RED_HAT = Served(
    "Apache as on Red Hat",
    "/etc/httpd/conf/httpd.conf",
    ("apache2-bin",),
    f"{_MODULES}{_SITE}Listen 80\nListen 443\nIncludeOptional /etc/httpd/conf.d/*.conf\n",
    """cat >/etc/httpd/conf.d/ssl.conf <<'END'
<VirtualHost _default_:443>
    SSLEngine on
    SSLCertificateFile /run/c.pem
    SSLCertificateKeyFile /run/k.pem
</VirtualHost>
END
rm /usr/sbin/apache2ctl
printf '#!/bin/sh\nexec apache2 -f /etc/httpd/conf/httpd.conf "$@"\n' >/usr/sbin/httpd
printf '#!/bin/sh\ncase $1 in start) httpd ;; reload) httpd -k graceful ;; esac\n' >/etc/init.d/httpd
chmod +x /usr/sbin/httpd /etc/init.d/httpd
service httpd start""",
)
ALL = (NGINX, LIGHTTPD, HAPROXY, VARNISH, CADDY, APACHE_BEHIND, RED_HAT)


@dataclass(frozen=True)
class Site:
    """The host, with a server that answers."""

    host: Host
    served: Served

    def ask(self, *curl: str) -> str:
        return self.host.place.run("curl", "-gksi", "-m", "5", *curl).stdout.replace("\r", "")

    def main(self) -> str:
        return self.host.sh(f"sha256sum {self.served.main}; stat -c '%a %u %g' {self.served.main}")


@contextmanager
def standing(served: Served, home: Path) -> Iterator[Site]:
    """Yield the server, once it answers as its administrator has it."""
    home.chmod(0o755)
    (home / "main").write_text(served.settings)
    with host_with(home, *served.packages) as host:
        host.sh(
            "mkdir -p /run/site && echo 'the shop' >/run/site/index.html && chmod 755 /run\n"
            "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout /run/k.pem -out /run/c.pem 2>/dev/null\n"
            "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x.example -keyout /run/n.pem"
            " -out /run/new.pem 2>/dev/null\n"
            "cat /run/new.pem /run/n.pem >/run/both.pem\n"
            f"mkdir -p /etc/httpd/conf /etc/httpd/conf.d && cp {home}/main {served.main}\n{served.start}"
        )
        host.sh(f"for _ in $(seq 100); do curl -gsf -m 2 {SITE} && exit; sleep 0.1; done; exit 1")
        yield Site(host, served)


@pytest.fixture(params=ALL, ids=lambda served: served.name)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    with standing(request.param, tmp_path) as it:
        yield it


def test_every_request_is_answered_503_and_the_undo_leaves_no_trace(site: Site) -> None:
    before = site.main()
    given = {**PARAMS, "names": ["shop.example"], **(BOTH if site.served.https else {})}
    status, said = site.host.run("web.maintenance", given, "--yes")
    assert status == 0, said
    assert ("signed by itself; it is not for shop.example" in said) == site.served.https, said

    seen = answers(site.ask, https=site.served.https)
    assert set(seen.values()) <= {"yes", "–", *(("html",) if site.served.name == "lighttpd" else ())}, seen
    assert '<html lang="ja">' in site.ask(SITE, "-H", "Accept-Language: ja,en;q=0.5")
    if site.served.https:
        shown = "openssl s_client -connect 203.0.113.1:443 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint"
        assert site.host.sh(shown) == site.host.sh("openssl x509 -noout -fingerprint -in /run/new.pem")
    assert "unchanged" in site.host.run("web.maintenance", given, "--dry-run")[1]

    status, said = site.host.stopgap("undo", "last", "--yes")
    assert status == 0, said
    assert site.main() == before
    site.host.sh(f"for _ in $(seq 100); do curl -gsf -m 2 {SITE} && exit; sleep 0.1; done; exit 1")


@pytest.mark.parametrize("site", [NGINX], indirect=True, ids=["nginx"])
def test_https_stays_open_with_the_certificates_in_use(site: Site) -> None:
    status, said = site.host.run("web.maintenance", PARAMS, "--yes")
    assert status == 0, said
    assert site.ask("https://203.0.113.1/", "-H", "Host: shop.example", "--http1.1").startswith("HTTP/1.1 503 ")


@pytest.mark.parametrize("site", [NGINX, HAPROXY], indirect=True, ids=lambda served: served.name)
def test_a_configuration_that_fails_its_test_is_put_back_before_the_server_hears_of_it(site: Site) -> None:
    before = site.main()
    broken = {"certificate": "/run/new.pem", "key": "/run/new.pem"}
    status, said = site.host.run("web.maintenance", {**PARAMS, **broken}, "--yes")
    assert status == 1, said
    assert site.main() == before
    assert "the shop" in site.ask(SITE)
