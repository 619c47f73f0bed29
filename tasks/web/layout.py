"""Where distributions keep Apache: its configuration, its modules, its unit and its own test."""

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
    Program,
    ProgramFact,
    System,
    SystemFact,
    UnitFact,
    Units,
)
from stopgap.orchestrator.task import Facts as TaskFacts
from stopgap.orchestrator.task import Probe, Unplannable
from stopgap.tasks.web import page


class Facts(TaskFacts):
    """What was read of the host that is to show the page."""

    system: SystemFact = SystemFact()
    units: tuple[UnitFact, ...] = ()
    listeners: tuple[ListenerFact, ...] = ()
    apache2ctl: ProgramFact = ProgramFact(status=127)
    """Debian's test of the configuration as it was found."""
    httpd: ProgramFact = ProgramFact(status=127)
    """Red Hat's."""
    conf_available: FileFact = ABSENT
    conf_enabled: FileFact = ABSENT
    conf_d: FileFact = ABSENT
    mod_alias: FileFact = ABSENT
    mod_headers: FileFact = ABSENT
    mod_setenvif: FileFact = ABSENT
    mod_socache_shmcb: FileFact = ABSENT
    mod_ssl: FileFact = ABSENT
    www: FileFact = ABSENT
    folder: FileFact = ABSENT
    page_en: FileFact = ABSENT
    page_ja: FileFact = ABSENT
    text: FileFact = ABSENT

    def page_at(self, path: str) -> FileFact:
        """Give what lies where a page is to be."""
        return {page.html("en"): self.page_en, page.html("ja"): self.page_ja, page.TEXT: self.text}[path]


class Layout(Protocol):
    """One way to keep Apache."""

    service: ClassVar[str]
    """Its name for the init system."""
    test: ClassVar[tuple[str, ...]]
    """The command that tests the configuration and changes nothing."""
    configuration: ClassVar[str]
    """The file that is ours."""

    def probe(self) -> Probe:
        """Say what to read for this layout."""
        ...

    def tested(self, facts: Facts) -> ProgramFact:
        """Give what the test said; status 127 where this layout is not the host's."""
        ...

    def configure(self, content: str, facts: Facts, *, tls: bool) -> Iterator[PathChange | None]:
        """Bring the configuration into force at Apache's next reading of it; raises Unplannable."""
        ...


class Debian(Layout):
    """conf-available and mods-available, with links that enable (a2enconf(8), a2enmod(8))."""

    service = "apache2"
    test = ("apache2ctl", "-t")
    configuration = "/etc/apache2/conf-available/stopgap.conf"
    _link = "/etc/apache2/conf-enabled/stopgap.conf"
    _modules = ("alias", "headers", "setenvif")

    def probe(self) -> Probe:
        """Say what to read for this layout."""
        return {
            "apache2ctl": Program(self.test),
            "conf_available": File(self.configuration),
            "conf_enabled": File(self._link),
            **{f"mod_{module}": File(_enabled(module)) for module in (*self._modules, *_TLS_MODULES)},
        }

    def tested(self, facts: Facts) -> ProgramFact:
        """Give what apache2ctl said."""
        return facts.apache2ctl

    def configure(self, content: str, facts: Facts, *, tls: bool) -> Iterator[PathChange | None]:
        """Enable the modules that are not, write the file, link it."""
        for module in (*self._modules, *(_TLS_MODULES if tls else ())):
            found: FileFact = getattr(facts, f"mod_{module}")
            if found.kind == "absent":
                yield make_link(_enabled(module), f"../mods-available/{module}.load", found)
        yield write_file(self.configuration, content, facts.conf_available)
        yield make_link(self._link, "../conf-available/stopgap.conf", facts.conf_enabled)


class RedHat(Layout):
    """One folder whose files are all read; the modules needed are loaded by the distribution's own default."""

    service = "httpd"
    test = ("httpd", "-t")
    configuration = "/etc/httpd/conf.d/stopgap.conf"

    def probe(self) -> Probe:
        """Say what to read for this layout."""
        return {"httpd": Program(self.test), "conf_d": File(self.configuration)}

    def tested(self, facts: Facts) -> ProgramFact:
        """Give what httpd said."""
        return facts.httpd

    def configure(self, content: str, facts: Facts, *, tls: bool) -> Iterator[PathChange | None]:
        """Write the file."""
        if tls:
            raise Unplannable("a certificate is known to be used on Debian alone; leave `certificate` out")
        yield write_file(self.configuration, content, facts.conf_d)


_TLS_MODULES = ("socache_shmcb", "ssl")
LAYOUTS: tuple[Layout, ...] = (Debian(), RedHat())


def probe() -> Probe:
    """Say what to read; which layout it is shows in what can be read."""
    return {
        "system": System(("apt-get",)),
        "units": Units(tuple(f"{layout.service}.service" for layout in LAYOUTS)),
        "listeners": Listeners(),
        **{name: reader for layout in LAYOUTS for name, reader in layout.probe().items()},
        "www": File(page.FOLDER.rpartition("/")[0]),
        "folder": File(page.FOLDER),
        "page_en": File(page.html("en")),
        "page_ja": File(page.html("ja")),
        "text": File(page.TEXT),
    }


def layout_of(facts: Facts) -> Layout | None:
    """Tell the layout by the program that answered; None where there is no Apache."""
    return next((layout for layout in LAYOUTS if layout.tested(facts).status != 127), None)


def freshly_installed(facts: Facts) -> Facts:
    """Give the facts as Debian's package leaves them: running, with its usual modules, nothing of ours there."""
    unit = UnitFact(name="apache2.service", load="loaded", active="active", enabled="enabled")
    usual = {f"mod_{m}": FileFact(kind="link", mode=0o777) for m in ("alias", "setenvif")}
    www = FileFact(kind="directory", mode=0o755)
    return facts.model_copy(update={"apache2ctl": ProgramFact(status=0), "units": (unit,), "www": www, **usual})


def _enabled(module: str) -> str:
    return f"/etc/apache2/mods-enabled/{module}.load"
