"""Applications of PHP out of Debian's packages, laid into docroots as a tarball would be: no package owns a file of them."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from recall_rig.trace import GUARD

PACKAGES = (
    *("phpmyadmin", "roundcube-core", "mediawiki", "dokuwiki", "cacti", "icingaweb2", "simplesamlphp", "adminer"),
    *("phpldapadmin", "postfixadmin", "tt-rss", "shaarli", "davical", "gosa"),
)
_ENDS = (".php", ".inc", ".phtml", ".js", ".htaccess", ".ini", ".sh", ".py", ".pl", ".ico", ".html", ".tpl")
_LEFT_OUT = ("/i18n/", "/locale/", "/doc/", "/man/", "/lang/", "/localization/", "/tests/")
_UNPACK = f"""{GUARD}
tar -xC / && chown -R www-data: /var/www
"""


def install(ssh: Sequence[str | Path]) -> int:
    """Lay the applications into /var/www/NAME on a host of the lab, by `ssh`, a command line that takes one remote command.

    Returns how many files they have. Raises CalledProcessError where the machine's package manager lacks one.
    """
    bundle, count = io.BytesIO(), 0
    with (
        tempfile.TemporaryDirectory(prefix="stopgap-trees-") as folder,
        tarfile.open(fileobj=bundle, mode="w") as laid,
    ):
        subprocess.run(["apt-get", "download", "-qq", *PACKAGES], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        for package in sorted(Path(folder).glob("*.deb")):
            name = package.name.partition("_")[0]
            unpacked = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True).stdout
            with tarfile.open(fileobj=io.BytesIO(unpacked)) as tree:
                for member in tree:
                    path = member.name.lstrip(".")
                    if not member.isreg() or not path.endswith(_ENDS) or any(part in path for part in _LEFT_OUT):
                        continue
                    kept = tarfile.TarInfo(f"var/www/{name}{path.removeprefix('/usr/share/' + name)}")
                    kept.size, kept.mode, kept.mtime = member.size, member.mode, member.mtime
                    laid.addfile(kept, tree.extractfile(member))
                    count += 1
    subprocess.run([*ssh, _UNPACK], input=bundle.getvalue(), check=True, stdout=subprocess.DEVNULL)
    return count
