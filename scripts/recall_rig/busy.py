"""Images of clean hosts, installed from Debian's packages once, and kept in the cache: a busy web server, and one of all else."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lab_hosts import image
from lab_hosts.failure import LabError

PACKAGES = (
    *("php", "php-mysql", "php-xml", "php-curl", "php-gd", "libapache2-mod-php", "wordpress", "mariadb-server"),
    *("postgresql", "redis-server", "nodejs", "podman", "fail2ban", "certbot", "python3-certbot-apache"),
    *("dovecot-imapd", "munin-node", "zabbix-agent", "monit", "git", "screen", "tmux", "vim", "python3-venv"),
    *("unattended-upgrades", "etckeeper", "logwatch", "rsync", "smartmontools", "ntpsec", "snmpd", "acpid", "at"),
    *("lm-sensors", "atop", "sysstat", "haveged", "apt-listchanges", "needrestart", "debsums", "man-db", "locales"),
)
"""Beside those of the lab's own hosts."""
OFFICE = (
    *("docker.io", "kubernetes-client", "snapd", "flatpak", "lxc", "qemu-guest-agent"),
    *("dovecot-imapd", "rspamd", "opendkim", "spamassassin", "fetchmail", "procmail", "bind9", "samba", "slapd"),
    *("openvpn", "wireguard-tools", "squid", "haproxy", "vsftpd", "nfs-kernel-server", "autofs", "sssd", "chrony"),
    *("cups", "lightdm", "xfce4-session", "xfce4-panel", "thunar", "x2goserver", "network-manager", "avahi-daemon"),
    *("mariadb-server", "nginx", "php-fpm", "memcached", "uwsgi", "supervisor", "gitolite3", "mediawiki"),
    *("munin", "icinga2", "zabbix-agent2", "prometheus-node-exporter", "collectd-core", "logcheck", "auditd", "aide"),
    *("puppet-agent", "ansible-core", "cloud-init", "certbot", "unattended-upgrades", "clamav-daemon", "ufw"),
    *("borgbackup", "rsnapshot", "rsync", "tcpdump", "strace", "nmap", "socat", "byobu", "screen", "mosh", "zsh"),
    *("fish", "git", "git-lfs", "python3-venv", "nodejs", "ruby", "keepalived", "etckeeper"),
)
"""Of a host that does what the busy one does not: mail, names, files, desktops, containers, monitoring, builds."""
HOSTING = (
    *("dbconfig-no-thanks", "php-fpm", "roundcube", "roundcube-sqlite3", "phpmyadmin", "dokuwiki", "cacti"),
    *("nagios4", "nagios-nrpe-server", "smokeping", "libapache2-mod-security2", "modsecurity-crs"),
    *("libapache2-mod-wsgi-py3", "awstats", "goaccess", "gitweb", "fossil", "varnish", "proftpd-core"),
    *("dovecot-pop3d", "dovecot-sieve", "dovecot-managesieved", "amavisd-new", "clamav-milter", "postgrey"),
    *("postfix-policyd-spf-python", "opendmarc", "postsrsd", "pflogsumm", "mailman3", "mlmmj", "freeradius"),
    *("strongswan", "openvswitch-switch", "libvirt-daemon-system", "lldpd", "unbound", "pdns-server"),
    *("pdns-backend-bind", "dnsdist", "dnsmasq", "tftpd-hpa", "stunnel4", "tor", "rabbitmq-server", "mosquitto"),
    *("pgbouncer", "prometheus", "prometheus-alertmanager", "netdata", "cockpit", "xrdp", "transmission-daemon"),
    *("nut", "bacula-fd", "restic", "apt-cacher-ng", "reprepro", "aptly", "buildbot-worker", "rkhunter"),
    *("chkrootkit", "lynis", "psad", "fwknop-server", "knockd", "arpwatch", "sshguard", "molly-guard", "cron-apt"),
    *("apticron", "acct", "jailkit", "incron", "xinetd", "ipmitool", "autossh", "libpam-google-authenticator"),
    *("screen", "quota", "wget"),
)
"""Of a small provider that hosts customers' sites, mail and names: no package of the two others but php-fpm and screen."""


def ensure(say: Callable[[str], None], release: str, more: tuple[str, ...] = PACKAGES) -> Path:
    """The root directory of an image with `more` packages, built if it is not there yet (some five minutes).

    Raises LabError when the machine's package manager cannot build it.
    """
    digest = hashlib.sha256(f"{image.key(release)} {more}".encode()).hexdigest()[:16]
    ready = image.cache_directory() / f"image-busy-{digest}"
    if not ready.is_dir():
        say(f"Building the image of a clean host, Debian {release}, once (some five minutes) …")
        part = image.cache_directory() / f"busy-{digest}.part"
        image.remove_tree(part)
        start = time.monotonic()
        try:
            _bootstrap(part, release, more)
            image._customise(part, release)
            part.rename(ready)
        finally:
            image.remove_tree(part)
        say(f"Image built in {time.monotonic() - start:.0f} s: {ready}")
    os.utime(ready)
    return ready


def _bootstrap(root: Path, release: str, more: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory(prefix="stopgap-image-") as scratch:
        settings, log = Path(scratch) / "apt.conf", Path(scratch) / "log"
        settings.write_text(image._apt_settings())
        packages = ",".join((*image._packages(release), *more))
        with log.open("wb") as output:
            built = subprocess.run(
                ["mmdebstrap", "--variant=minbase", "--mode=root", "--format=directory",
                 f"--aptopt={settings}", '--aptopt=Acquire::Languages "none"',
                 *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "doc", "locale")),
                 f"--include={packages}", release, str(root), *image._sources(release, Path(scratch))],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        if built.returncode:
            raise LabError(
                f"mmdebstrap could not build the clean host's image: {log.read_text(errors='replace')[-2000:]}"
            )
