"""The configuration in a real Apache, against virtual hosts that all want something else."""

import http.client
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from stopgap.tasks.web.page import FOLDER, configuration, pages
from stopgap.tasks.web.params import Params

APACHE = shutil.which("apache2", path=f"{os.environ['PATH']}:/usr/sbin")
MODULES = Path("/usr/lib/apache2/modules")
pytestmark = pytest.mark.skipif(not (APACHE and MODULES.is_dir()), reason="needs Debian's apache2-bin")

LOADED = [
    *(
        "mpm_event",
        "authz_core",
        "authz_host",
        "authn_core",
        "auth_basic",
        "authn_file",
        "authz_user",
        "access_compat",
    ),
    *("alias", "dir", "mime", "env", "headers", "rewrite", "setenvif", "cgid", "userdir", "proxy", "proxy_http"),
    *("cache", "cache_socache", "socache_shmcb"),
]
SERVER = """\
ServerRoot {root}
PidFile {root}/pid
ErrorLog {root}/error.log
ScriptSock {root}/cgi.sock
Listen 127.0.0.1:{port}
ServerName localhost
User www-data
Group www-data
TypesConfig /dev/null
CacheSocache shmcb
AccessFileName .htaccess
<Directory />
    AllowOverride None
    Require all denied
</Directory>
<Directory {root}/site>
    AllowOverride All
    Require all granted
</Directory>
<Directory {root}/scripts>
    Options +ExecCGI
    Require all granted
</Directory>
IncludeOptional {root}/conf-enabled/*.conf
"""
VIRTUAL_HOSTS = {
    "own-page": """
        DocumentRoot {root}/site
        ErrorDocument 503 "its own"
        ErrorDocument 404 "its own"
        UserDir public_html""",
    "redirects": """
        DocumentRoot {root}/site
        Redirect permanent / https://elsewhere.example/""",
    "rewrites": """
        DocumentRoot {root}/site
        RewriteEngine On
        RewriteRule ^ http://elsewhere.example/ [R=302,L]""",
    "proxies": """
        ProxyPass / http://127.0.0.1:{backend}/
        ProxyErrorOverride On""",
    "proxies-for-members": """
        <Location />
            ProxyPass http://127.0.0.1:{backend}/
            ErrorDocument 503 "its own"
            AuthType Basic
            AuthName members
            AuthUserFile {root}/nobody
            Require valid-user
        </Location>""",
    "proxies-for-nobody": """
        <Location />
            ProxyPass http://127.0.0.1:{backend}/
            Order deny,allow
            Deny from all
        </Location>""",
    "rewrites-to-a-proxy": """
        RewriteEngine On
        RewriteRule ^(.*) http://127.0.0.1:{backend}$1 [P]""",
    "runs-scripts": """
        Alias / {root}/scripts/
        AddHandler cgi-script .cgi""",
    "runs-everything": """
        DocumentRoot {root}/scripts
        <Location />
            SetHandler cgi-script
        </Location>""",
    "caches": """
        DocumentRoot {root}/site
        CacheEnable socache /
        CacheQuickHandler On
        CacheIgnoreNoLastMod On
        CacheDefaultExpire 3600""",
    "sets-a-cookie": """
        DocumentRoot {root}/site
        Header always set Set-Cookie tracked=1
        Header always set Cache-Control public""",
}
MISBEHAVING = """\
ErrorDocument 503 "the folder's own"
RewriteEngine On
RewriteRule ^ http://elsewhere.example/ [R=302,L]
"""


class Backend(BaseHTTPRequestHandler):
    """Answers 200 to whatever a proxy asks."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"the backend")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class Server:
    """An Apache of the test's own, on loopback."""

    def __init__(self, root: Path, port: int, backend: int) -> None:
        self.root, self.port = root, port
        lines = [f"LoadModule {m}_module {MODULES}/mod_{m}.so" for m in LOADED]
        lines.append(SERVER.format(root=root, port=port))
        for name, body in VIRTUAL_HOSTS.items():
            inside = body.format(root=root, backend=backend)
            lines.append(f"<VirtualHost *:{port}>\nServerName {name}\n{inside}\n</VirtualHost>")
        (root / "apache2.conf").write_text("\n".join(lines))
        (root / "conf-enabled").mkdir()
        for folder in ("site", "site/broken", "scripts", "pages"):
            (root / folder).mkdir()
        (root / "site/index.html").write_text("the site")
        (root / "site/.htaccess").write_text(MISBEHAVING)
        (root / "site/broken/.htaccess").write_text("Nonsense\n")
        (root / "scripts/run.cgi").write_text("#!/bin/sh\necho\necho the script ran\n")
        (root / "scripts/run.cgi").chmod(0o755)

    def show(self, params: Params) -> None:
        """Bring the task's texts into force, with their folder moved to where a test may write."""
        for path, content in pages(params).files.items():
            (self.root / "pages" / Path(path).name).write_text(content)
        text = configuration(params).replace(FOLDER, str(self.root / "pages"))
        (self.root / "conf-enabled/stopgap.conf").write_text(text)

    @contextmanager
    def running(self) -> Iterator[None]:
        assert APACHE
        command = [APACHE, "-f", str(self.root / "apache2.conf"), "-DFOREGROUND"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            try:
                for _ in range(100):
                    if process.poll() is not None:
                        pytest.fail((process.stdout.read() if process.stdout else b"").decode())
                    with socket.socket() as s:
                        if s.connect_ex(("127.0.0.1", self.port)) == 0:
                            break
                    time.sleep(0.05)
                yield
            finally:
                process.terminate()

    def ask(self, host: str, path: str = "/", method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in {"Host": host, **headers}.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode()
        finally:
            connection.close()


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def make_server() -> Iterator[Callable[[], Server]]:
    backend = HTTPServer(("127.0.0.1", 0), Backend)
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    roots: list[Path] = []

    def make() -> Server:
        root = Path(tempfile.mkdtemp(prefix="stopgap-apache-"))
        root.chmod(0o755)  # Apache's own user reads below it
        roots.append(root)
        return Server(root, free_port(), backend.server_port)

    yield make
    backend.shutdown()
    backend.server_close()
    for root in roots:
        shutil.rmtree(root)


@pytest.fixture(scope="module")
def strong(make_server: Callable[[], Server]) -> Iterator[Server]:
    server = make_server()
    server.show(Params(contact="noc@example.jp"))
    with server.running():
        yield server


@pytest.fixture(scope="module")
def letter(make_server: Callable[[], Server]) -> Iterator[Server]:
    server = make_server()
    (server.root / "site/.htaccess").write_text('ErrorDocument 404 "the folder\'s own"\n')
    server.show(Params(contact="noc@example.jp", mode="letter"))
    with server.running():
        yield server


REVISION = pages(Params(contact="noc@example.jp")).revision


def test_without_the_page_each_virtual_host_does_what_it_wants(make_server: Callable[[], Server]) -> None:
    server = make_server()
    with server.running():
        got = {host: server.ask(host)[0] for host in VIRTUAL_HOSTS}
        assert server.ask("runs-scripts", "/run.cgi")[2] == "the script ran\n"
    assert got["redirects"] == 301
    assert got["rewrites"] == 302
    assert got["proxies-for-members"] == 401
    assert got["proxies-for-nobody"] == 403
    assert got["proxies"] == got["rewrites-to-a-proxy"] == 200
    assert 503 not in got.values()


@pytest.mark.parametrize("host", [*VIRTUAL_HOSTS, "unknown.example"])
@pytest.mark.parametrize("path", ["/", "/index.html", "/run.cgi", "/broken/x", "/missing", "/~root/", "/.htaccess"])
def test_every_virtual_host_answers_503_with_the_page_whatever_is_asked(strong: Server, host: str, path: str) -> None:
    status, headers, body = strong.ask(host, path)
    assert status == 503
    assert f'content="{REVISION}"' in body
    assert "noc@example.jp" in body
    assert "日本語" in body
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["retry-after"] == "3600"
    assert headers["cache-control"] == "no-store"
    assert "set-cookie" not in headers


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "NONSENSE"])
@pytest.mark.parametrize("host", ["own-page", "runs-scripts", "proxies"])
def test_every_method_is_answered_503(strong: Server, host: str, method: str) -> None:
    status, headers, body = strong.ask(host, "/run.cgi", method)
    assert status == 503
    assert headers["retry-after"] == "3600"
    assert (REVISION in body) == (method != "HEAD")


def test_a_request_that_apache_rejects_itself_runs_nothing_of_the_sites(strong: Server) -> None:
    status, _, body = strong.ask("own-page", "/%zz")
    assert status == 400
    assert "its own" not in body


@pytest.mark.parametrize(
    ("languages", "first"),
    [
        ("ja", "ja"),
        ("ja-JP,ja;q=0.9,en;q=0.8", "ja"),
        ("en-GB,en;q=0.9,ja;q=0.8", "en"),
        ("de,ja;q=0.1", "en"),
        ("", "en"),
    ],
)
def test_a_visitors_first_language_decides_which_comes_first(strong: Server, languages: str, first: str) -> None:
    _, _, body = strong.ask("proxies", Accept_Language=languages)
    assert f'<html lang="{first}">' in body


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("*/*", "text/html"),
        ("application/json", "application/problem+json"),
        ("application/vnd.api+json, image/png", "application/problem+json"),
        ("text/plain, image/png", "text/plain"),
    ],
)
def test_a_program_that_wants_no_html_gets_json_or_plain_text(strong: Server, accept: str, kind: str) -> None:
    _, headers, body = strong.ask("redirects", "/api/orders", Accept=accept)
    assert headers["content-type"] == (kind if kind.startswith("application/") else f"{kind}; charset=utf-8")
    assert ("<html" in body) == (kind == "text/html")
    assert "noc@example.jp" in body


def test_other_words_show_at_once_without_a_reload(make_server: Callable[[], Server]) -> None:
    server = make_server()
    server.show(Params(contact="noc@example.jp"))
    with server.running():
        server.show(Params.model_validate({"contact": "noc@example.jp", "message": {"en": "Back at noon."}}))
        assert "Back at noon." in server.ask("own-page")[2]


def test_an_answer_cached_before_is_not_served_any_longer(make_server: Callable[[], Server]) -> None:
    server = make_server()
    (server.root / "site/.htaccess").unlink()
    with server.running():
        assert [server.ask("caches")[2] for _ in range(2)] == ["the site"] * 2
        server.show(Params(contact="noc@example.jp"))
        assert APACHE
        subprocess.run([APACHE, "-f", str(server.root / "apache2.conf"), "-k", "graceful"], check=True, timeout=180)
        for _ in range(100):
            if server.ask("own-page")[0] == 503:
                break
            time.sleep(0.05)
        assert server.ask("caches")[0] == 503


@pytest.mark.parametrize("host", ["own-page", "caches", "unknown.example"])
def test_in_the_letters_form_what_is_missing_shows_the_page_and_keeps_its_404(letter: Server, host: str) -> None:
    status, headers, body = letter.ask(host, "/missing")
    assert status == 404
    assert REVISION in body
    assert headers["content-type"] == "text/html"
    assert letter.ask(host, "/index.html")[::2] == (200, "the site")
    assert '<html lang="ja">' in letter.ask(host, "/missing", Accept_Language="ja")[2]


def test_in_the_letters_form_with_a_url_what_is_missing_is_redirected(make_server: Callable[[], Server]) -> None:
    server = make_server()
    (server.root / "site/.htaccess").write_text('ErrorDocument 404 "the folder\'s own"\n')
    url = "http://example.jp/info.html?from=a%20b&x=1"
    server.show(Params(contact="noc@example.jp", mode="letter", error_document_url=url))
    with server.running():
        status, headers, _ = server.ask("own-page", "/missing")
    assert (status, headers["location"]) == (302, url)
