"""A web server that answers 503 with one page to every request; run by itself on a spare, with Python alone.

Arguments: the folder of the pages, languages joined by commas, and seconds for Retry-After. With certificate and key
among the service's credentials (systemd.exec(5), LoadCredential), https too.
"""

import os
import re
import socket
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
HTML = re.compile(r"text/html|text/\*|\*/\*", re.IGNORECASE)


class Answer(BaseHTTPRequestHandler):
    """Answers each request from the files of the folder, and closes the connection."""

    timeout = 10
    server_version = "page"
    sys_version = ""
    folder = Path()
    languages: tuple[str, ...] = ("en",)
    retry_after = "3600"

    def __getattr__(self, name: str) -> object:
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self) -> None:
        """Send the page, in the form and the language that the request asks for."""
        accept, language = self.headers.get("Accept", ""), self.headers.get("Accept-Language", "").strip().lower()
        first = next((each for each in self.languages if re.match(rf"{each}\b", language)), self.languages[0])
        if not accept or HTML.search(accept):
            name, kind = f"maintenance.{first}.html", "text/html; charset=utf-8"
        elif "json" in accept.lower():
            name, kind = "maintenance.json", "application/problem+json"
        else:
            name, kind = "maintenance.txt", "text/plain; charset=utf-8"
        body = (self.folder / name).read_bytes()
        self.send_response(503)
        for key, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Retry-After", self.retry_after),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("Connection", "close"),
        ):
            self.send_header(key, value)
        self.end_headers()
        self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing: an address of a visitor is nobody's business here."""


class Server(ThreadingHTTPServer):
    """Listens on both protocols of the Internet; with a context, by https."""

    daemon_threads = True
    address_family = socket.AF_INET6
    context: ssl.SSLContext | None = None

    def server_bind(self) -> None:
        """Take IPv4 on the same socket."""
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        """Shake hands in the request's own thread, within ten seconds."""
        request.settimeout(10)
        try:
            if self.context:
                request = self.context.wrap_socket(request, server_side=True)
        except OSError:
            request.close()
            return
        super().process_request_thread(request, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Leave out what a visitor's connection did wrong."""


def main(folder: str, languages: str, retry_after: str, ports: str = "80,443") -> None:
    """Serve for ever."""
    Answer.folder, Answer.languages, Answer.retry_after = Path(folder), tuple(languages.split(",")), retry_after
    http, https = map(int, ports.split(","))
    credentials = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent"))
    if (credentials / "certificate").exists():
        secure = Server(("::", https), Answer)
        secure.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        secure.context.load_cert_chain(credentials / "certificate", credentials / "key")
        threading.Thread(target=secure.serve_forever, daemon=True).start()
    Server(("::", http), Answer).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
