"""`spare-certificate` with a real authority: a key of the spare's own, a certificate that fits, and the undo."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.unit.test_freeze_site import stopgap

CA = """
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=authority -keyout ca.key -out ca.pem
cat >issue <<'END'
#!/bin/sh
openssl x509 -req -in "$1" -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy -out "$2"
END
chmod +x issue
"""


def test_a_certificate_is_issued_once_for_a_key_that_is_made_there(tmp_path: Path) -> None:
    subprocess.run(["sh", "-ec", CA], cwd=tmp_path, check=True, capture_output=True)
    hosts = {"web": {"address": "127.0.0.1", "connection": "local", "spare": "spare"}}
    hosts["spare"] = {"address": "127.0.0.2", "connection": "local"}
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text(json.dumps({"hosts": hosts}))
    issue = f"sh -c 'cd {tmp_path} && exec ./issue \"$@\"' - {{csr}} {{certificate}}"
    given = ("-p", "names=shop.example www.shop.example", "-p", f"issue={issue}", "-p", f"folder={tmp_path}/made")
    words = ("run", "spare-certificate", "-i", str(inventory), "-t", "web", *given)

    status, said = stopgap(tmp_path, *words, "--yes")
    assert status == 0, said
    made = tmp_path / "made"
    assert sorted(path.name for path in made.iterdir()) == [
        *("shop.example.csr", "shop.example.pem", "shop.example.pem.key")
    ]
    assert (made / "shop.example.pem.key").stat().st_mode & 0o777 == 0o600
    key = (made / "shop.example.pem.key").read_text()
    assert "unchanged" in stopgap(tmp_path, *words, "--dry-run")[1]

    (tmp_path / "issue").write_text("#!/bin/sh\ncp ca.pem $2\n")
    (made / "shop.example.pem").unlink()
    status, said = stopgap(tmp_path, *words, "--yes")
    assert status == 1, said
    assert "the certificate is not for the key" in " ".join(said.split())
    assert (made / "shop.example.pem.key").read_text() == key

    first = stopgap(tmp_path, "runs")[1].splitlines()[-1].split()[0]
    assert stopgap(tmp_path, "undo", first, "--yes")[0] == 0
    assert not made.exists()
