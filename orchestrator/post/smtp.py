"""Mail by SMTP: one connection for several messages, with TLS unless the runbook says otherwise."""

from __future__ import annotations

import smtplib
import ssl
import threading
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from types import TracebackType
from typing import Self

from stopgap.orchestrator.message import Message, SmtpRoute
from stopgap.orchestrator.post.postman import ANSWER, TIMEOUT, Posted
from stopgap.orchestrator.secret import SecretError
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import CancelledError, Deadline
from stopgap.orchestrator.wire.peer import Peer, connect_peer

_FAREWELL = 5.0
"""Seconds that a server gets to answer QUIT."""


class SmtpPostman:
    """A postman for one SMTP server; a lost connection is reopened for the next message."""

    def __init__(self, route: SmtpRoute, cancelled: threading.Event | None = None) -> None:
        """A set `cancelled` ends the wait for the server."""
        self._route = route
        self._cancelled = cancelled
        self._server: smtplib.SMTP | None = None
        self._peer: Peer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None and self._peer is not None:
            self._peer.begin(Deadline(_FAREWELL, self._cancelled), ANSWER)
            with suppress(OSError, smtplib.SMTPException, CancelledError):
                self._server.quit()
        self._drop()

    def post(self, message: Message) -> Posted:
        """Send one mail. An error before the handover of the text is `failed`; later errors are `unknown`."""
        mail = compose(message, self._route.sender or message.reply_to)
        try:
            server = self._connected()
            _accepted(server.mail(self._route.sender or message.reply_to), tr("the sender"))
            _accepted(server.rcpt(message.to), tr("the recipient"))
        except _FAULTS as error:
            self._drop()
            return Posted("failed", _reason(error, self._route))
        try:
            code, said = server.data(mail.as_bytes())
        except smtplib.SMTPDataError as error:
            self._drop()
            return Posted("failed", _reason(error, self._route))
        except _FAULTS as error:
            self._drop()
            return Posted("unknown", tr("handed over, not confirmed: {reason}", reason=_reason(error, self._route)))
        if code != 250:
            self._drop()
            return Posted("failed", f"{self._route.host}: {code} {_said(said)}")
        return Posted("sent", f"{self._route.host}: {code} {_said(said)}")

    def _connected(self) -> smtplib.SMTP:
        deadline = Deadline(TIMEOUT, self._cancelled)
        if self._server is not None and self._peer is not None:
            self._peer.begin(deadline, ANSWER)
            return self._server
        self._peer = connect_peer(self._route.host, self._route.port, deadline, ANSWER)
        self._server = _greeted(self._peer, self._route)
        return self._server

    def _drop(self) -> None:
        peer, self._peer, self._server = self._peer, None, None
        if peer is not None:
            peer.close()


def compose(message: Message, sender: str) -> EmailMessage:
    """Build the mail; headers cannot contain line ends, and non-ASCII text is encoded (RFC 2047, RFC 2231)."""
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    mail["From"] = sender
    mail["To"] = message.to
    if sender != message.reply_to:
        mail["Reply-To"] = message.reply_to
    mail["Subject"] = message.subject
    mail["Date"] = formatdate()
    mail["Message-ID"] = f"<{message.key}@{sender.rpartition('@')[2]}>"
    if message.automatic:
        mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    for attachment in message.attachments:
        main, _, sub = attachment.media_type.partition("/")
        mail.add_attachment(attachment.content or b"", maintype=main, subtype=sub, filename=attachment.name)
    return mail


def _greeted(peer: Peer, route: SmtpRoute) -> smtplib.SMTP:
    """Hear the server's greeting, go over to TLS and log in, as the route says."""
    context = ssl.create_default_context(cafile=route.ca) if route.security != "none" else None
    if context is not None and route.security == "tls":
        peer.secure(context, route.host)
    server = smtplib.SMTP(local_hostname=_literal(peer))
    server.sock = peer  # type: ignore[assignment]
    _accepted(server.getreply(), tr("the connection"), 220)
    server.ehlo_or_helo_if_needed()
    if context is not None and route.security == "starttls":
        if not server.has_extn("starttls"):
            raise smtplib.SMTPNotSupportedError(tr("STARTTLS extension not supported by server."))
        _accepted(server.docmd("STARTTLS"), "STARTTLS", 220)
        peer.secure(context, route.host)
        _forget_what_came_in_clear(server)
        server.ehlo_or_helo_if_needed()
    if route.user is not None and route.secret is not None:
        server.login(route.user, route.secret.reveal())
    return server


def _forget_what_came_in_clear(server: smtplib.SMTP) -> None:
    """Discard all knowledge of the server obtained before TLS (RFC 3207, section 4.2)."""
    server.file = None
    server.helo_resp = server.ehlo_resp = None
    server.esmtp_features.clear()
    server.does_esmtp = False


def _literal(peer: Peer) -> str:
    """Give the address literal to greet with (RFC 5321, 4.1.3): a look-up of the own name may take long."""
    address = str(peer.getsockname()[0])
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


_FAULTS = (OSError, smtplib.SMTPException, SecretError, CancelledError)


def _accepted(reply: tuple[int, bytes], what: str, *codes: int) -> None:
    code, said = reply
    if code not in (codes or (250, 251)):
        raise smtplib.SMTPResponseException(code, tr("{what} was not accepted: {said}", what=what, said=_said(said)))


def _reason(error: Exception, route: SmtpRoute) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return tr("{host}: the login was not accepted ({smtp_code})", host=route.host, smtp_code=error.smtp_code)
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{route.host}: {error.smtp_code} {_said(error.smtp_error)}"
    if isinstance(error, SecretError):
        return str(error)
    if isinstance(error, CancelledError):
        return f"{route.host}:{route.port}: interrupted"
    why = str(getattr(error, "strerror", None) or error).removeprefix("Connection unexpectedly closed: ")
    return f"{route.host}:{route.port}: {_said(why)}"


def _said(text: bytes | str) -> str:
    """Return a server's answer: the first 200 characters, escaped."""
    return (text.decode("utf-8", "replace") if isinstance(text, bytes) else text)[:200]
