"""Trusted time for an archive, by an authority of the test's own: openssl ts behind a small web server."""

import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from stopgap.orchestrator.cli import main
from stopgap.orchestrator.evidence.packed import verify_archive
from stopgap.orchestrator.evidence.timestamp import TimestampError, stamp

from .collection import begin_custody, collected

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")

CONFIG = """
[tsa]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[leaf]
extendedKeyUsage = critical, timeStamping
keyUsage = critical, digitalSignature
"""


class Authority:
    """Its certificates in a folder; what it answers is openssl's, unless `answer` is set."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root, self.answer, self.url = folder, folder / "root.pem", b"", ""
        folder.mkdir()
        (folder / "config").write_text(CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")
        new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "/dev/null"]
        own = ["-config", folder / "config", "-days", "30"]
        self.openssl(*new, "-x509", "-subj", "/CN=root", *own, "-extensions", "root",
                     "-keyout", folder / "root.key", "-out", self.root)  # fmt: skip
        self.openssl(*new, "-subj", "/CN=tsa", "-keyout", folder / "tsa.key", "-out", folder / "tsa.csr")
        self.openssl("x509", "-req", "-in", folder / "tsa.csr", "-CA", self.root, "-CAkey", folder / "root.key",
                     "-CAcreateserial", "-days", "30", "-extfile", folder / "config", "-extensions", "leaf",
                     "-out", folder / "tsa.pem")  # fmt: skip

    def openssl(self, *words: str | Path, stdin: bytes = b"") -> bytes:
        done = subprocess.run(["openssl", *words], input=stdin, capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def reply(self, query: bytes) -> bytes:
        (self.folder / "query").write_bytes(query)
        words = ["ts", "-reply", "-config", self.folder / "config", "-section", "tsa", "-queryfile"]
        return self.answer or self.openssl(*words, self.folder / "query")


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    made = Authority(tmp_path / "tsa")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = made.reply(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        made.url = f"http://127.0.0.1:{server.server_port}/"
        yield made
        server.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = collected(tmp_path / "web" / "triage", {"clock": "x\n"})
    begin_custody(made)
    return made.folder


def test_an_archive_is_stamped_and_openssl_alone_can_check_it(
    authority: Authority, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "web.tar"
    assert main(["evidence", "export", str(folder), "-o", str(path), "--tsa", authority.url]) == 0
    assert main(["verify", str(path), "--tsa-ca", str(authority.root)]) == 0
    with tarfile.open(path) as archive:
        for name in ("archive.json", "archive.json.tsr"):
            content = archive.extractfile(f"stopgap/{name}")
            assert content
            (tmp_path / name).write_bytes(content.read())
    where = ["-in", tmp_path / "archive.json.tsr", "-data", tmp_path / "archive.json"]
    authority.openssl("ts", "-verify", *where, "-CAfile", authority.root)


def test_another_authority_or_none_is_told(authority: Authority, folder: Path, tmp_path: Path) -> None:
    stamped, plain, other = tmp_path / "a.tar", tmp_path / "b.tar", Authority(tmp_path / "other")
    assert main(["evidence", "export", str(folder), "-o", str(stamped), "--tsa", authority.url]) == 0
    assert main(["evidence", "export", str(folder), "-o", str(plain)]) == 0
    assert verify_archive(stamped) == []
    (problem,) = verify_archive(stamped, authorities=other.root)
    assert problem.startswith("archive.json.tsr: does not hold: ")
    (problem,) = verify_archive(plain, authorities=other.root)
    assert problem == "archive.json: not time-stamped, or the time-stamp was removed"


def test_a_stamp_of_something_else_is_not_taken(authority: Authority) -> None:
    authority.answer = stamp(b"something else", authority.url)
    with pytest.raises(TimestampError, match="of something else"):
        stamp(b"this", authority.url)
    authority.answer = b"no time-stamp"
    with pytest.raises(TimestampError, match="its answer is no time-stamp"):
        stamp(b"this", authority.url)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://127.0.0.1:1/", "tsa.example"])
def test_an_authority_that_cannot_be_asked_leaves_no_archive(
    folder: Path, tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evidence", "export", str(folder), "-o", str(tmp_path / "x.tar"), "--tsa", url]) == 1
    assert f"not written: {url}: " in capsys.readouterr().err
    assert not (tmp_path / "x.tar").exists()
