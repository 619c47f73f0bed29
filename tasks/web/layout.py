"""Apache layouts of distributions: configuration, modules, unit and configuration test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Protocol

from stopgap.orchestrator.change import PathChange, make_link, write_file
from stopgap.orchestrator.facts import (
    ABSENT,
    File,
    FileFact,
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
"""Of Debian, and of Red Hat."""


class Facts(TaskFacts):
    """Facts of the host chosen to serve the page."""

    system: SystemFact = SystemFact()
    units: tuple[UnitFact, ...] = ()
    listeners: tuple[ListenerFact, ...] = ()
    apache2ctl: ProgramFact = ProgramFact(status=127)
    """Debian's test of the present configuration."""
    httpd: ProgramFact = ProgramFact(status=127)
    """Red Hat's."""
    conf_available: FileFact = ABSENT
    conf_enabled: FileFact = ABSENT
    conf_d: FileFact = ABSENT
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

    service: ClassVar[str]
    """Name of the service for the init system."""
    test: ClassVar[tuple[str, ...]]
    """The read-only command to test the configuration."""
    configuration: ClassVar[str]
    """Path of Stopgap's configuration file."""

    def probe(self) -> Probe:
        """Return the readers for this layout."""
        ...

    def tested(self, facts: Facts) -> ProgramFact:
        """Return the result of the configuration test; status 127 if the host has another layout."""
        ...

    def configure(self, content: str, facts: Facts, *, tls: bool) -> Iterator[PathChange | None]:
        """Yield changes to enable the configuration at Apache's next reload; raises Unplannable."""
        ...


class Debian(Layout):
    """Debian: conf-available and mods-available, enabled by links (a2enconf(8), a2enmod(8))."""

    service = "apache2"
    test = CONFIGURATION_TEST["apache2ctl"].words
    configuration = "/etc/apache2/conf-available/stopgap.conf"
    _link = "/etc/apache2/conf-enabled/stopgap.conf"
    _modules = ("alias", "headers", "setenvif")

    def probe(self) -> Probe:
        """Return the readers for this layout."""
        return {
            "apache2ctl": CONFIGURATION_TEST["apache2ctl"].asked(),
            "conf_available": File(self.configuration),
            "conf_enabled": File(self._link),
            **{f"modules.{module}": File(_enabled(module)) for module in (*self._modules, *_TLS_MODULES)},
        }

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


class RedHat(Layout):
    """Red Hat: Apache reads every file of one folder; the default configuration loads the modules."""

    service = "httpd"
    test = CONFIGURATION_TEST["httpd"].words
    configuration = "/etc/httpd/conf.d/stopgap.conf"

    def probe(self) -> Probe:
        """Return the readers for this layout."""
        return {"httpd": CONFIGURATION_TEST["httpd"].asked(), "conf_d": File(self.configuration)}

    def tested(self, facts: Facts) -> ProgramFact:
        """Return the result of `httpd -t`."""
        return facts.httpd

    def configure(self, content: str, facts: Facts, *, tls: bool) -> Iterator[PathChange | None]:
        """Write the file."""
        if tls:
            raise Unplannable(tr("a certificate is known to be used on Debian alone; leave `certificate` out"))
        yield write_file(self.configuration, content, facts.conf_d)


OWN_UNIT = "stopgap-page.service"
"""Of Stopgap's own web server, with the files of the unit and the program."""
OWN_FILES = (f"/etc/systemd/system/{OWN_UNIT}", f"{page.FOLDER}/page_server.py")
_TLS_MODULES = ("socache_shmcb", "ssl")
LAYOUTS: tuple[Layout, ...] = (Debian(), RedHat())


def probe() -> Probe:
    """Return the readers of every layout; the facts show the host's layout."""
    services = [*(layout.service for layout in LAYOUTS), *(server.service for server in REPLACED)]
    return {
        "system": System(("apt-get", "python3", *(server.program for server in REPLACED))),
        "units": Units((*(f"{name}.service" for name in services), OWN_UNIT)),
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
    }


def layout_of(facts: Facts) -> Layout | None:
    """Return the layout of the installed Apache; None if the host has no Apache."""
    return next((layout for layout in LAYOUTS if layout.tested(facts).status != 127), None)


def freshly_installed(facts: Facts) -> Facts:
    """Return the facts as left by an installation of Debian's package: running, default modules, no file of
    Stopgap.
    """
    unit = UnitFact(name="apache2.service", load="loaded", active="active", enabled="enabled")
    usual = {module: FileFact(kind="link", mode=0o777) for module in ("alias", "setenvif")}
    www = FileFact(kind="directory", mode=0o755)
    return facts.model_copy(
        update={"apache2ctl": ProgramFact(status=0), "units": (unit,), "www": www, "modules": usual}
    )


def _enabled(module: str) -> str:
    return f"/etc/apache2/mods-enabled/{module}.load"
