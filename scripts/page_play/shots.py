"""The page in headless Chromium, over https, with a certificate of a test authority that the browser trusts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from stopgap.tasks.web import page_server
from stopgap.tasks.web.page import pages
from stopgap.tasks.web.params import Params

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
LONGEST = 10_000
"""Bytes of a page."""
SITE = "shop.example"
WORDS = {
    "contact": "noc@example.jp",
    "site": "Books & Tea Nagoya",
    "since": "2026-11-23T09:05+09:00",
    "updates": "2h",
    "telephone": "+81 52 123 4567",
    "orders": "checking",
    "payments": "stopped",
    "message": {
        "en": "Mail to the shop is kept, and answered later.",
        "ja": "お店へのメールは届いており、後ほどお返事します。",
    },
}
_AUTHORITY = f"""
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=Test authority' \\
    -keyout ca.key -out ca.pem
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={SITE} \\
    -addext subjectAltName=DNS:{SITE} -keyout key -out csr
openssl x509 -req -in csr -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy -days 2 -out certificate
mkdir -p .pki/nssdb
certutil -d sql:.pki/nssdb -N --empty-password
certutil -d sql:.pki/nssdb -A -t C,, -n authority -i ca.pem
"""
_PLAY = """
ip link set lo up
CREDENTIALS_DIRECTORY=$PWD python3 -I -S -B "$1" "$PWD" en,ja 3600 &
server=$!
trap 'kill $server' EXIT
for _ in $(seq 100); do curl -s -o /dev/null http://127.0.0.1/ && break; sleep 0.1; done
shift
"$@"
"""


def take(folder: Path) -> int:
    """Write a picture for each language and size; return the exit status."""
    chromium = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium"))), None)
    missing = [name for name in ("certutil", "openssl", "unshare", "curl") if shutil.which(name) is None]
    if chromium is None or missing:
        lacking = ", ".join([*missing, *([] if chromium else ["chromium-headless-shell"])])
        print(f"No pictures: {lacking} not installed (Debian: chromium-headless-shell, libnss3-tools).")
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    faults = []
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        shown = pages(Params.model_validate(WORDS))
        for path, content in shown.files.items():
            (home / path.rpartition("/")[2]).write_text(content)
            size = len(content.encode())
            print(f"{path.rpartition('/')[2]}: {size} bytes")
            faults += [f"{path} is larger than {LONGEST} bytes"] if size > LONGEST else []
        subprocess.run(["sh", "-ec", _AUTHORITY], cwd=home, check=True, capture_output=True)
        for language in ("en", "ja"):
            seen = _browse(chromium, home, "--dump-dom", f"--accept-lang={language}")
            if f'content="{shown.revision}"' not in seen or f'<html lang="{language}">' not in seen:
                faults.append(f"{language}: the browser shows something else over https: {seen[:200]}")
            for name, (width, height) in SIZES.items():
                picture = folder / f"page.{language}.{name}.png"
                words = (f"--screenshot={picture.resolve()}", f"--window-size={width},{height}")
                _browse(chromium, home, *words, "--hide-scrollbars", f"--accept-lang={language}")
                faults += [] if picture.is_file() else [f"no picture {picture}"]
        shutil.rmtree(home / ".pki")
        if shown.revision in _browse(chromium, home, "--dump-dom"):
            faults.append("a browser that does not trust the authority shows the page all the same")
    for fault in faults:
        print(f"FAILED: {fault}", file=sys.stderr)
    if not faults:
        print(f"The page over https with a trusted certificate, in both languages: pictures are in {folder}")
    return 1 if faults else 0


def _browse(chromium: str, home: Path, *words: str) -> str:
    """Let the browser open the site in a network of its own, with the server; return what it prints."""
    browser = (
        *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *(f"--user-data-dir={home}/profile", f"--host-resolver-rules=MAP {SITE} 127.0.0.1"),
        *(*words, f"https://{SITE}/anything"),
    )
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", _PLAY, "sh", page_server.__file__, *browser],
        cwd=home, env={**os.environ, "HOME": str(home)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.stdout
