"""The file of sinks, `sinks.yaml`: what each sink is, and which events it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from stopgap.orchestrator.documents.event_names import EVENTS
from stopgap.orchestrator.language import Language
from stopgap.orchestrator.message import WebhookRoute
from stopgap.orchestrator.secret import Secret
from stopgap.orchestrator.severity import SEVERITIES, Severity
from stopgap.orchestrator.sinks.body import compiled
from stopgap.orchestrator.source import Unfit, did_you_mean, quoted
from stopgap.orchestrator.text import tr

FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
"""By their number (RFC 5424, table 1)."""
Facility: TypeAlias = Literal[
    "user", "daemon", "auth", "authpriv", "audit", "alert", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
]  # fmt: skip


def _known(name: str) -> str:
    if name not in EVENTS:
        hint = did_you_mean(name, EVENTS)
        raise Unfit(tr("no event is called {name}", name=quoted(name)), tr("a name that docs/events.md lists"), hint)
    return name


def _without_commands(secret: Secret) -> Secret:
    if secret.reference.startswith(("command:", "ask:")):
        raise Unfit(
            tr("a sink's secret is had without a person: {reference}", reference=secret.reference.partition(":")[0]),
            tr("env:NAME, file:/PATH or keyring:SERVICE/USER"),
        )
    return secret


EventName: TypeAlias = Annotated[str, AfterValidator(_known)]
QuietSecret: TypeAlias = Annotated[Secret, AfterValidator(_without_commands)]
Absolute: TypeAlias = Annotated[str, StringConstraints(pattern=r"^/[^\x00]*[^/\x00]$")]


class _Sink(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    severity: Severity = Field("info", description="Only events that are at least as bad: info to critical.")
    events: tuple[EventName, ...] = Field(
        (), description="Only these events, such as `contained` and `finding`; default: all of docs/events.md."
    )

    def takes(self, event: Mapping[str, Any]) -> bool:
        """Return True for an event that the sink is for."""
        if self.events and event["event"] not in self.events:
            return False
        return SEVERITIES.index(event["severity"]) <= SEVERITIES.index(self.severity)


class SyslogSink(_Sink):
    """Syslog messages (RFC 5424) to the socket of this machine, or to a collector."""

    kind: Literal["syslog"] = Field(description="Syslog, RFC 5424.")
    to: Annotated[
        str,
        StringConstraints(pattern=r"^(/[^\x00]+|(udp|tcp|tls):(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5})$"),
    ] = Field(
        "/dev/log",
        description="A socket, or udp:HOST:PORT (RFC 5426), tcp:HOST:PORT (RFC 6587), tls:HOST:PORT (RFC 5425).",
    )
    facility: Facility = Field("local0", description="Facility of the messages.")
    ca: str | None = Field(None, description="For tls: a file of certificates to trust instead of the system's.")
    limit: int = Field(
        2048, ge=480, le=65000, description="Octets of a message at most; a longer one loses fields, then words."
    )
    enterprise: int = Field(
        32473, ge=1, le=2**31, description="Private enterprise number of the structured data; 32473 is for examples."
    )


class FileSink(_Sink):
    """JSON lines appended to a file of mode 0600, opened for each event, so that logrotate(8) may move the file."""

    kind: Literal["file"] = Field(description="JSON lines in a file.")
    path: Absolute = Field(description="Absolute; the folder has to be there.")


class WebhookSink(_Sink):
    """An HTTP POST of each event, signed where there is a secret."""

    kind: Literal["webhook"] = Field(description="By HTTP.")
    url: Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+(/[!-~]*)?$")] = Field(
        description="Where to; no redirection is followed.", max_length=2000
    )
    security: Literal["tls", "none"] = Field("tls", description="`none` allows http://, and has to be asked for.")
    ca: str | None = Field(None, description="A file of certificates to trust instead of the system's.")
    secret: QuietSecret | None = Field(None, description="The key of the signature (HMAC-SHA256), by reference.")
    bearer: QuietSecret | None = Field(None, description="A token for `Authorization: Bearer`, by reference.")
    format: Literal["event", "cloudevents"] = Field(
        "event", description="`cloudevents`: CloudEvents 1.0, structured mode, with the event as its data."
    )
    template: str | None = Field(
        None, max_length=20_000, description="A Jinja2 template of the body, with `event`; use the filter tojson."
    )
    content_type: Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-zA-Z0-9.+-]+(; ?charset=utf-8)?$")] = Field(
        "application/json; charset=utf-8", description="Of the body that a template makes."
    )

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        WebhookRoute(url=self.url, security=self.security)
        if self.template is not None and self.format != "event":
            raise ValueError(tr("`template` and `format: cloudevents` exclude each other"))
        if self.template is not None:
            compiled(self.template)
        if self.bearer is not None and self.security == "none":
            raise ValueError(tr("a token is not sent in the clear: `security: none` goes without `bearer`"))
        return self


class AppriseSink(_Sink):
    """Chat, pagers and telephones, by the services that Apprise knows; needs stopgap[apprise]."""

    kind: Literal["apprise"] = Field(description="Chat and pagers.")
    urls: Annotated[tuple[QuietSecret, ...], Field(min_length=1)] = Field(
        description="Apprise's addresses, each by reference, since most hold a token: env:PAGER."
    )
    severity: Severity = Field("high", description="Only events that are at least as bad; default: high.")
    lang: Language = Field("en", description="Language of the words.")


class PrometheusSink(_Sink):
    """Metrics in a file for node_exporter's textfile collector, replaced atomically."""

    kind: Literal["prometheus"] = Field(description="Prometheus's textfile.")
    path: Annotated[str, StringConstraints(pattern=r"^/[^\x00]*[^/\x00]\.prom$")] = Field(
        description="Absolute, ending in .prom; the folder has to be there."
    )


AnySink: TypeAlias = Annotated[
    SyslogSink | FileSink | WebhookSink | AppriseSink | PrometheusSink, Field(discriminator="kind")
]
SinkName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")]


class SinkFile(BaseModel):
    """A file of sinks."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    sinks: dict[SinkName, AnySink] = Field(description="Each sink by a name of your choice.")
