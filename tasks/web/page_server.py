"""A web server that answers 503 with one page to every request; run by itself on a spare, with the least of Python.

Arguments: the folder of the pages, languages joined by commas, seconds for Retry-After, and optionally the ports of
http and https. With certificate and key among the service's credentials (systemd.exec(5), LoadCredential), https too.
Debian's python3-minimal is enough for http: neither http.server nor ssl is there.
"""

import os
import re
import socket
import sys
import threading

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
HTML = re.compile(rb"text/html|text/\*|\*/\*", re.IGNORECASE)
LONGEST = 16384
"""Bytes of a request that are read: the page is the same whatever follows."""
PATIENCE = 10.0
"""Seconds for a visitor to say a request."""
AT_ONCE = threading.Semaphore(200)


def chosen(head: bytes, languages: list[str]) -> tuple[str, str]:
    r"""Return name and type of the page for a request, by its headers Accept and Accept-Language.

    >>> chosen(b"GET / HTTP/1.1\r\nAccept: application/json\r\n", ["en"])
    ('maintenance.json', 'application/problem+json')
    """
    said = {}
    for line in head.split(b"\n")[1:]:
        name, _, value = line.partition(b":")
        said[name.strip().lower()] = value.strip()
    accept, language = said.get(b"accept", b""), said.get(b"accept-language", b"").lower().decode("latin-1")
    if not accept or HTML.search(accept):
        first = next((each for each in languages if re.match(rf"{each}\b", language)), languages[0])
        return f"maintenance.{first}.html", "text/html; charset=utf-8"
    if b"json" in accept.lower():
        return "maintenance.json", "application/problem+json"
    return "maintenance.txt", "text/plain; charset=utf-8"


def answer(request: socket.socket, folder: str, languages: list[str], retry_after: str) -> None:
    """Read a request, send the page, and close; a HEAD gets no body."""
    head = b""
    while b"\r\n\r\n" not in head and b"\n\n" not in head and len(head) < LONGEST:
        part = request.recv(4096)
        if not part:
            return
        head += part
    name, kind = chosen(head, languages)
    with open(f"{folder}/{name}", "rb") as file:  # noqa: PTH123 (pathlib is not in python3-minimal of each release)
        body = file.read()
    lines = (
        "HTTP/1.1 503 Service Unavailable",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        f"Retry-After: {retry_after}",
        "Cache-Control: no-store",
        f"Content-Security-Policy: {POLICY}",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    )
    said = "\r\n".join(lines).encode() + b"\r\n\r\n"
    request.sendall(said if head.startswith(b"HEAD ") else said + body)
    # What is left of the request is read, since closing on unread bytes would reset the connection.
    request.shutdown(socket.SHUT_WR)
    for _ in range(64):
        if not request.recv(65536):
            return


def serve(port: int, context: object, page: tuple[str, list[str], str]) -> None:
    """Answer on one port for ever, on both protocols of the Internet; with a context, by https."""
    listener = socket.socket(socket.AF_INET6)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind(("::", port))
    listener.listen(256)

    def one(request: socket.socket) -> None:
        try:
            request.settimeout(PATIENCE)
            if context:
                request = context.wrap_socket(request, server_side=True)  # type: ignore[attr-defined]
            answer(request, *page)
        except OSError:
            pass
        finally:
            request.close()
            AT_ONCE.release()

    while True:
        AT_ONCE.acquire()
        try:
            request, _ = listener.accept()
        except OSError:
            AT_ONCE.release()
            continue
        threading.Thread(target=one, args=(request,), daemon=True).start()


def main(folder: str, languages: str, retry_after: str, http: str = "80", https: str = "443") -> None:
    """Serve the pages of a folder."""
    page = (folder, languages.split(","), retry_after)
    credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if credentials and os.path.exists(f"{credentials}/certificate"):  # noqa: PTH110
        import ssl  # noqa: PLC0415 - not in python3-minimal

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(f"{credentials}/certificate", f"{credentials}/key")
        threading.Thread(target=serve, args=(int(https), context, page), daemon=True).start()
    serve(int(http), None, page)


if __name__ == "__main__":
    main(*sys.argv[1:])
