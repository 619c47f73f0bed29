"""Web servers and proxies whose main file is replaced by one that answers 503; the undo puts the file back."""

from __future__ import annotations

import re
from abc import ABC
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from stopgap.orchestrator.change import PathChange, make_link, write_file
from stopgap.orchestrator.facts import ABSENT, File, FileFact, TextsFact
from stopgap.orchestrator.task import Unplannable
from stopgap.orchestrator.template import render_file
from stopgap.orchestrator.text import tr
from stopgap.tasks.web.page import FOLDER, JSON, TEXT, html, pages
from stopgap.tasks.web.params import Params

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


@dataclass(frozen=True)
class Site:
    """One certificate, with the names of the sites that use the certificate."""

    names: str
    certificate: str
    key: str


class Replaced(ABC):
    """A web server or proxy. Virtual hosts and included files lose their say with the main file."""

    name: ClassVar[str]
    """As its administrator calls it; also the key of the main file's fact."""
    program: ClassVar[str]
    """Name of the executable."""
    service: ClassVar[str]
    main: ClassVar[str]
    """The main configuration file."""
    test: ClassVar[tuple[str, ...]]
    """The command to test the configuration; run before each reload."""
    template: ClassVar[str]
    account: ClassVar[str] = ""
    """Account of the workers, unless the present configuration names another."""
    account_line: ClassVar[re.Pattern[str] | None] = None
    """What names the account in the present configuration."""
    rereads: ClassVar[bool] = True
    """A changed page shows without a reload."""
    https: ClassVar[bool] = True
    at_once: ClassVar[bool] = False
    """https needs nothing but a certificate that root can read: no further module, no other account."""
    texts: ClassVar[tuple[str, ...]] = ()
    """Patterns of files with the certificates in use."""

    def configuration(self, params: Params, before: FileFact, texts: TextsFact) -> str:
        """Render the main file. Raises Unplannable for a certificate in a form that the server does not read."""
        first, *_ = params.languages
        files = pages(params).files
        shown: dict[str, str] = {language: files[html(language)] for language in params.languages}
        return render_file(
            self.template,
            {
                "user": self._account(before.text() or ""),
                "pid": f"/run/{self.program}.pid",
                "languages": params.languages,
                "first": first,
                "retry_after": int(params.retry_after.total_seconds()),
                "policy": _POLICY,
                "folder": FOLDER,
                "tls": list(self.sites(params, texts)),
                "pages": {**shown, "json": files[JSON], "text": files[TEXT].replace('"""', "'''")},
            },
        )

    def sites(self, params: Params, texts: TextsFact) -> Iterator[Site]:
        """Yield the certificates for https: the given one; otherwise those in use, where the server's files show."""
        if params.certificate and params.key:
            if not self.https:
                raise Unplannable(tr("{server} speaks no https: leave `certificate` out", server=self.name))
            yield Site("_", params.certificate, params.key)

    def links(self, params: Params, found: Mapping[str, FileFact]) -> Iterator[PathChange | None]:
        """Yield links that the server needs beside the pages; `found` maps paths to facts."""
        yield from ()

    def change(self, content: str, before: FileFact) -> PathChange | None:
        """Return the change of the main file; None if up to date."""
        return write_file(self.main, content, before, mode=before.mode if before.kind == "file" else 0o644)

    def _account(self, text: str) -> str:
        match = self.account_line.search(text) if self.account_line else None
        return match[1] if match and _ACCOUNT.fullmatch(match[1]) else self.account


class Nginx(Replaced):
    """nginx, as a web server or in front of one; https stays open with the certificates in use."""

    name = "nginx"
    program = "nginx"
    service = "nginx"
    main = "/etc/nginx/nginx.conf"
    test = ("nginx", "-t", "-q")
    template = "web/nginx.conf"
    account = "www-data"
    account_line = re.compile(r"^\s*user\s+(\S+?)[\s;]", re.MULTILINE)
    at_once = True
    texts = (
        "/etc/nginx/nginx.conf",
        "/etc/nginx/conf.d/*.conf",
        "/etc/nginx/sites-enabled/*",
        "/etc/nginx/http.d/*.conf",
    )
    _SETTINGS = ("ssl_certificate", "ssl_certificate_key", "server_name")
    _PATH = re.compile(r"(/[A-Za-z0-9._@+-]+)+")
    _NAMES = re.compile(r"[A-Za-z0-9.*_ -]{1,2000}")

    def sites(self, params: Params, texts: TextsFact) -> Iterator[Site]:
        """Yield the given certificate, or the certificates of the present virtual hosts."""
        if params.certificate:
            yield from super().sites(params, texts)
            return
        seen: set[str] = set()
        for path, file in sorted(texts.files.items()):
            if not path.startswith("/etc/nginx/"):
                continue
            text = "\n".join(line.partition("#")[0] for line in (file.text() or "").split("\n"))
            for block in re.split(r"\bserver[ \t]*\{", text)[1:]:
                words = [statement.split() for statement in re.split("[;{}]", block)]
                said = {
                    each[0]: " ".join(each[1:]).strip("\"'") for each in words if each and each[0] in self._SETTINGS
                }
                names = " ".join(said.get("server_name", "_").split()) or "_"
                certificate, key = said.get("ssl_certificate", ""), said.get("ssl_certificate_key", "")
                fits = (
                    self._PATH.fullmatch(certificate) and self._PATH.fullmatch(key) and self._NAMES.fullmatch(names)
                )
                if fits and names not in seen:
                    seen.add(names)
                    yield Site(names, certificate, key)


class Lighttpd(Replaced):
    """lighttpd. Programs that want no HTML get HTML too: an error page of lighttpd has one form."""

    name = "lighttpd"
    program = "lighttpd"
    service = "lighttpd"
    main = "/etc/lighttpd/lighttpd.conf"
    test = ("lighttpd", "-tt", "-f", main)
    template = "web/lighttpd.conf"
    account = "www-data"
    account_line = re.compile(r'^\s*server\.username\s*=\s*"(\w+)"', re.MULTILINE)

    def links(self, params: Params, found: Mapping[str, FileFact]) -> Iterator[PathChange | None]:
        """Yield links under the names that lighttpd gives to pages of the status 503."""
        for language in params.languages:
            path = error_page(language)
            yield make_link(path, html(language).rpartition("/")[2], found.get(path, ABSENT))


class Caddy(Replaced):
    """Caddy. Without `certificate`, https is closed: Caddy's own certificates come and go with its sites."""

    name = "Caddy"
    program = "caddy"
    service = "caddy"
    main = "/etc/caddy/Caddyfile"
    test = ("caddy", "validate", "--adapter", "caddyfile", "--config", main)
    template = "web/caddy.conf"


class Haproxy(Replaced):
    """HAProxy, in front of whatever: pages are read at each reload."""

    name = "HAProxy"
    program = "haproxy"
    service = "haproxy"
    main = "/etc/haproxy/haproxy.cfg"
    test = ("haproxy", "-c", "-q", "-f", main)
    template = "web/haproxy.conf"
    account = "haproxy"
    at_once = True
    account_line = re.compile(r"^\s*user\s+(\S+)", re.MULTILINE)
    rereads = False
    texts = (main,)
    _CERTIFICATE = re.compile(r"^\s*bind\s[^\n]*:443\b[^\n]*\scrt\s+((?:/[A-Za-z0-9._@+-]+)+)", re.MULTILINE)

    def sites(self, params: Params, texts: TextsFact) -> Iterator[Site]:
        """Yield the given certificate, or the one in use; HAProxy finds a separate key as `CERTIFICATE.key`."""
        if params.certificate and params.key not in {params.certificate, f"{params.certificate}.key"}:
            raise Unplannable(
                tr(
                    "HAProxy reads a key from the certificate's own file or from {path}: give such a `key`",
                    path=f"{params.certificate}.key",
                )
            )
        if params.certificate:
            yield from super().sites(params, texts)
        elif match := self._CERTIFICATE.search(texts.files.get(self.main, ABSENT).text() or ""):
            yield Site("_", match[1], match[1])


class Varnish(Replaced):
    """Varnish, in front of a web server: nothing of its cache is served; pages are read at each reload."""

    name = "Varnish"
    program = "varnishd"
    service = "varnish"
    main = "/etc/varnish/default.vcl"
    test = ("varnishd", "-C", "-f", main)
    template = "web/varnish.conf"
    rereads = False
    https = False


REPLACED: tuple[Replaced, ...] = (Nginx(), Lighttpd(), Caddy(), Haproxy(), Varnish())


def error_page(language: str) -> str:
    """Return the path of lighttpd's page for the status 503, `PREFIX` and `503.html`."""
    return f"{FOLDER}/maintenance.{language}.503.html"


def readers() -> Mapping[str, File]:
    """Return the readers of the main files, by key `mains.NAME`."""
    return {f"mains.{server.name}": File(server.main) for server in REPLACED}
