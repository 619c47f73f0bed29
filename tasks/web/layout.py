"""Apache layouts of distributions: configuration, modules, unit and configuration test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from stopgap.orchestrator.change import PathChange, make_link, write_file
from stopgap.orchestrator.facts import (
    ABSENT,
    ContainerFact,
    Containers,
    File,
    FileFact,
    Glob,
    HttpFact,
    ListenerFact,
    Listeners,
    Placed,
    PlacedFact,
    ProgramFact,
    ReadOnly,
    System,
    SystemFact,
    Texts,
    TextsFact,
    UnitFact,
    Units,
)
from stopgap.orchestrator.task import Facts as TaskFacts
from stopgap.orchestrator.task import Probe, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.web import page
from stopgap.tasks.web.replaced import REPLACED, error_page, readers

CONFIGURATION_TEST = {
    program: ReadOnly((program, "-t"), because="httpd(8): -t runs syntax tests for configuration files only")
    for program in ("apache2ctl", "httpd")
}
"""Of Debian and SUSE, and of all others."""


class Facts(TaskFacts):
    """Facts of the host chosen to serve the page."""

    system: SystemFact = SystemFact()
    units: tuple[UnitFact, ...] = ()
    listeners: tuple[ListenerFact, ...] = ()
    apache2ctl: ProgramFact = ProgramFact(status=127)
    """Test of the present configuration, by Debian's and SUSE's program."""
    httpd: ProgramFact = ProgramFact(status=127)
    """The same, by the program of all others."""
    folders: dict[str, FileFact] = {}
    """Path → folders that tell layouts of Apache apart."""
    conf_available: FileFact = ABSENT
    conf_enabled: FileFact = ABSENT
    conf_d: dict[str, FileFact] = {}
    """Path → Stopgap's file, where Apache reads one folder."""
    modules: dict[str, FileFact] = {}
    """Debian's links of enabled modules, by the module's name."""
    www: FileFact = ABSENT
    folder: FileFact = ABSENT
    page_en: FileFact = ABSENT
    page_ja: FileFact = ABSENT
    text: FileFact = ABSENT
    json_page: FileFact = ABSENT
    files: dict[str, FileFact] = {}
    """Path → files of Stopgap's own server."""
    links: dict[str, FileFact] = {}
    """Path → lighttpd's names for the pages."""
    mains: dict[str, FileFact] = {}
    """Name of a web server or proxy → its main file."""
    texts: TextsFact = TextsFact()
    """Configuration with the certificates in use."""
    placed: PlacedFact = PlacedFact()
    containers: tuple[ContainerFact, ...] = ()
    drop_in_directories: tuple[str, ...] = ()
    site: HttpFact | None = None
    """The site's answer by https, from outside, before the page; None: not looked at."""
    plain_site: HttpFact | None = None
    """The same by http."""
    certificate: ProgramFact = ProgramFact(status=127)
    """Fields of the given certificate."""
    prepared: dict[str, ProgramFact] = {}
    """Path → fields of a certificate that was prepared on the spare; status 1 without one."""

    def page_at(self, path: str) -> FileFact:
        """Return the file fact for the path of a page."""
        return {
            page.html("en"): self.page_en,
            page.html("ja"): self.page_ja,
            page.TEXT: self.text,
            page.JSON: self.json_page,
        }[path]


class Layout(Protocol):
    """A distribution's layout of Apache."""

    @property
    def service(self) -> str:
        """Name of the service for the init system."""
        ...

    @property
    def test(self) -> tuple[str, ...]:
        """The read-only command to test the configuration."""
        ...

    @property
    def configuration(self) -> str:
        """Path of Stopgap's configuration file."""
        ...

    @property
    def load(self) -> tuple[str, ...]:
        """Lines that load modules which the distribution's configuration leaves out."""
        ...

    def probe(self) -> Probe:
        """Return the readers for this layout."""
        ...

    def fits(self, facts: Facts) -> bool:
        """Return True if the host's Apache has this layout."""
        ...

    def tested(self, facts: Facts) -> ProgramFact:
        """Return the result of the configuration test; status 127 if the program is not there."""
        ...

    def configure(self, content: str, facts: Facts, *, tls: bool) -> Iterator[PathChange | None]:
        """Yield changes to enable the configuration at Apache's next reload; raises Unplannable."""
        ...


class Debian:
    """Debian: conf-available and mods-available, enabled by links (a2enconf(8), a2enmod(8))."""

    service = "apache2"
    test = CONFIGURATION_TEST["apache2ctl"].words
    configuration = "/etc/apache2/conf-available/stopgap.conf"
    load: tuple[str, ...] = ()
    _folder = "/etc/apache2/conf-available"
    _link = "/etc/apache2/conf-enabled/stopgap.conf"
    _modules = ("alias", "headers", "setenvif")

    def probe(self) -> Probe:
        """Return the readers for this layout."""
        return {
            "apache2ctl": CONFIGURATION_TEST["apache2ctl"].asked(),
            f"folders.{self._folder}": File(self._folder),
            "conf_available": File(self.configuration),
            "conf_enabled": File(self._link),
            **{f"modules.{module}": File(_enabled(module)) for module in (*self._modules, *_TLS_MODULES)},
        }

    def fits(self, facts: Facts) -> bool:
        """Return True if apache2ctl is there, and not SUSE's, which has no such folder."""
        known = facts.folders.get(self._folder)
        return facts.apache2ctl.status != 127 and (known is None or known.kind != "absent")

    def tested(self, facts: Facts) -> ProgramFact:
        """Return the result of `apache2ctl -t`."""
        return facts.apache2ctl

    def configure(self, content: str, facts: Facts, *, tls: bool) -> Iterator[PathChange | None]:
        """Yield changes to enable missing modules, write the file and link the file."""
        for module in (*self._modules, *(_TLS_MODULES if tls else ())):
            found = facts.modules.get(module, ABSENT)
            if found.kind == "absent":
                yield make_link(_enabled(module), f"../mods-available/{module}.load", found)
        yield write_file(self.configuration, content, facts.conf_available)
        yield make_link(self._link, "../conf-available/stopgap.conf", facts.conf_enabled)


@dataclass(frozen=True)
class OneFolder:
    """Apache reads every file of one folder; the distribution's configuration loads the modules."""

    service: str
    program: Literal["apache2ctl", "httpd"]
    folder: str
    load: tuple[str, ...] = ()
    init: str = ""
    """Init system of the distribution, where that tells two apart."""

    @property
    def test(self) -> tuple[str, ...]:
        """The read-only command to test the configuration."""
        return CONFIGURATION_TEST[self.program].words

    @property
    def configuration(self) -> str:
        """Path of Stopgap's configuration file; read first, so that its https is the one for unknown names."""
        return f"{self.folder}/00-stopgap.conf"

    def probe(self) -> Probe:
        """Return the readers for this layout."""
        return {
            self.program: CONFIGURATION_TEST[self.program].asked(),
            f"conf_d.{self.configuration}": File(self.configuration),
            f"folders.{self.folder}": File(self.folder),
        }

    def fits(self, facts: Facts) -> bool:
        """Return True if the program and the folder are there."""
        there = self.tested(facts).status != 127 and facts.folders.get(self.folder, ABSENT).kind != "absent"
        return there and self.init in {"", facts.system.init}

    def tested(self, facts: Facts) -> ProgramFact:
        """Return the result of the configuration test."""
        return facts.apache2ctl if self.program == "apache2ctl" else facts.httpd

    def configure(self, content: str, facts: Facts, *, tls: bool) -> Iterator[PathChange | None]:
        """Write the file. With `tls`, raises Unplannable where nothing listens on port 443 yet."""
        if tls and not any(listener.port == 443 for listener in facts.listeners):
            raise Unplannable(
                tr(
                    "Apache does not listen on port 443 there: enable its module for https first (on Red Hat: dnf"
                    " install mod_ssl), or leave `certificate` out"
                )
            )
        yield write_file(self.configuration, content, facts.conf_d.get(self.configuration, ABSENT))


OWN_UNIT = "stopgap-page.service"
"""Of Stopgap's own web server, with the files of the unit and the program."""
OWN_FILES = (f"/etc/systemd/system/{OWN_UNIT}", f"{page.FOLDER}/page_server.py")
_TLS_MODULES = ("socache_shmcb", "ssl")
_HEADERS_OF_SUSE = "LoadModule headers_module /usr/lib64/apache2/mod_headers.so"
LAYOUTS: tuple[Layout, ...] = (
    Debian(),
    OneFolder("httpd", "httpd", "/etc/httpd/conf.d"),  # Red Hat
    OneFolder("apache2", "httpd", "/etc/apache2/conf.d", init="openrc"),  # Alpine
    OneFolder("httpd", "httpd", "/etc/apache2/conf.d"),  # cPanel, EasyApache 4
    OneFolder("apache2", "apache2ctl", "/etc/apache2/conf.d", load=(_HEADERS_OF_SUSE,)),
    OneFolder("apache24", "httpd", "/usr/local/etc/apache24/Includes"),  # FreeBSD
)


def probe() -> Probe:
    """Return the readers of every layout; the facts show the host's layout."""
    services = dict.fromkeys([*(layout.service for layout in LAYOUTS), *(server.service for server in REPLACED)])
    return {
        "system": System(("apt-get", "python3", *(server.program for server in REPLACED))),
        # Of services by name, also those that are not loaded; of all others, those that are.
        "units": Units((*(f"{name}.service" for name in services), OWN_UNIT, "*.service", "*.socket")),
        **{f"files.{path}": File(path) for path in OWN_FILES},
        "listeners": Listeners(),
        **{name: reader for layout in LAYOUTS for name, reader in layout.probe().items()},
        "www": File(page.FOLDER.rpartition("/")[0]),
        "folder": File(page.FOLDER),
        "page_en": File(page.html("en")),
        "page_ja": File(page.html("ja")),
        "text": File(page.TEXT),
        "json_page": File(page.JSON),
        **{f"links.{error_page(language)}": File(error_page(language)) for language in ("en", "ja")},
        **readers(),
        "texts": Texts(tuple(pattern for server in REPLACED for pattern in server.texts)),
        "placed": Placed(),
        "containers": Containers(),
        "drop_in_directories": Glob("/etc/systemd/system/*.d"),
    }


def layout_of(facts: Facts) -> Layout | None:
    """Return the layout of the installed Apache; None if the host has no Apache."""
    return next((layout for layout in LAYOUTS if layout.fits(facts)), None)


def freshly_installed(facts: Facts) -> Facts:
    """Return the facts as left by an installation of Debian's package: running, default modules, no file of
    Stopgap.
    """
    unit = UnitFact(name="apache2.service", load="loaded", active="active", enabled="enabled")
    usual = {module: FileFact(kind="link", mode=0o777) for module in ("alias", "setenvif")}
    www = FileFact(kind="directory", mode=0o755)
    return facts.model_copy(
        update={"folders": {}, "apache2ctl": ProgramFact(status=0), "units": (unit,), "www": www, "modules": usual}
    )


def _enabled(module: str) -> str:
    return f"/etc/apache2/mods-enabled/{module}.load"
