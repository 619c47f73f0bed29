"""A message to a person or service outside: text, recipient, route. Pure data; `post` sends the message."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from stopgap.orchestrator.facts import Content
from stopgap.orchestrator.hosttext import EscapedLine, is_plain
from stopgap.orchestrator.secret import Secret
from stopgap.orchestrator.text import tr

MailAddress: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._+-]{1,64}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{1,63}$", max_length=254),
]
"""Narrower than RFC 5322: safe in a header and in an SMTP command."""


def _plain(text: str) -> str:
    if not is_plain(text):
        raise ValueError(tr("it holds a sign that is not seen, or that turns the direction of writing"))
    return text


Line: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"), AfterValidator(_plain)
]
ShortLine: TypeAlias = Annotated[Line, StringConstraints(min_length=1, max_length=200)]
"""Text without line ends, safe in a mail header, and displayed as written."""
Authority: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}$")]


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class SmtpRoute(_Part):
    """By mail, through a submission server (RFC 6409)."""

    kind: Literal["smtp"] = Field("smtp", description="By mail.")
    host: Authority = Field(description="The mail server; best one that the intruder has no part in.")
    port: int = Field(587, ge=1, le=65535, description="Its port: 587 for STARTTLS, 465 for TLS.")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="`none` sends in the clear, and has to be asked for."
    )
    ca: str | None = Field(None, description="A file of certificates to trust instead of the system's.")
    user: Line | None = Field(None, min_length=1, description="Login name; without one, nobody logs in.")
    secret: Secret | None = Field(None, description="The password, by reference: env:NAME, file:/PATH …")
    sender: MailAddress | None = Field(None, description="From address; default: the contact's.")

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if (self.user is None) != (self.secret is None):
            raise ValueError(tr("`user` and `secret` belong together"))
        if self.secret is not None and self.security == "none":
            raise ValueError(tr("a password is not sent in the clear: `security: none` goes without `user`"))
        return self

    def describe(self) -> str:
        """Return a short name of the route."""
        login = tr(", as {user}", user=self.user) if self.user else ""
        return tr(
            "by mail through {host}:{port} ({security}{login})",
            host=self.host,
            port=self.port,
            security=_SECURITY[self.security],
            login=login,
        )


class WebhookRoute(_Part):
    """By an HTTP POST of JSON, signed with HMAC-SHA256 (RFC 2104) if a secret is set."""

    kind: Literal["webhook"] = Field("webhook", description="By HTTP.")
    url: Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+(/[!-~]*)?$")] = Field(
        description="Where to; no redirection is followed.", max_length=2000
    )
    security: Literal["tls", "none"] = Field("tls", description="`none` allows http://, and has to be asked for.")
    ca: str | None = Field(None, description="A file of certificates to trust instead of the system's.")
    secret: Secret | None = Field(None, description="The key of the signature, by reference.")

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if self.security == "tls" and not self.url.startswith("https://"):
            raise ValueError(tr("http:// sends in the clear: it takes `security: none`"))
        return self

    def describe(self) -> str:
        """Return a short name of the route, without the query, a possible token."""
        return tr(
            "by webhook to {partition} ({rest})",
            partition=self.url.partition("?")[0],
            rest=tr("signed") if self.secret else tr("not signed"),
        )


class FileRoute(_Part):
    """Into a file, for copying or for reading out on the telephone."""

    kind: Literal["file"] = Field("file", description="Into a file.")
    path: Annotated[str, StringConstraints(pattern=r"^/[^\x00]*[^/\x00]$")] | None = Field(
        None, description="Absolute; default: a file in the folder `letters` of the run. None is written over."
    )

    def describe(self) -> str:
        """Return a short name of the route."""
        return tr("into {path}", path=self.path or tr("the folder letters of the run"))


Route: TypeAlias = Annotated[SmtpRoute | WebhookRoute | FileRoute, Field(discriminator="kind")]


class Attachment(_Part):
    """A file attached to a message."""

    name: EscapedLine
    content: Content
    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]+$")] = "application/octet-stream"


class Message(_Part):
    """One message, sent once. A sent message has no undo."""

    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """Of `message_key`: two messages with the same key are the same message, in whatever run."""
    series: EscapedLine
    """Messages of one series are sent by one process at a time."""
    about: EscapedLine
    """The subject in a few words; part of the name of a message file."""
    to: Line
    """A mail address, or the name of the reader."""
    reply_to: MailAddress
    subject: Line
    text: str
    route: Route
    attachments: tuple[Attachment, ...] = ()
    automatic: bool = False
    """A bulk message, not to be answered by machines (RFC 3834)."""
    pause: float = Field(0.0, ge=0)
    """Seconds to wait before the next message."""
    fresh_for: float | None = None
    """Seconds of validity as sent; `None`: for good."""
    resend_unknown: bool = False
    """Send again a message with an unknown delivery."""

    def describe(self) -> str:
        """Return message and route in one line."""
        return tr("{about} to {to}, {route}", about=self.about, to=self.to, route=self.route.describe())

    def preview(self) -> list[str]:
        """Return the whole message, line by line."""
        head = [f"To: {self.to}", f"Subject: {self.subject}"]
        head += [f"Attached: {a.name} ({len(a.content or b'')} bytes)" for a in self.attachments]
        return [*head, "", *self.text.splitlines()]


def message_key(incident: str, to: str, *texts: str) -> str:
    """Return the key of a message: from incident, recipient, and the texts equal in every run."""
    parts = [incident, to.lower(), *texts]
    return hashlib.sha256(
        "".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "surrogateescape")
    ).hexdigest()


_SECURITY = {"starttls": "STARTTLS", "tls": "TLS", "none": tr("in the clear")}
