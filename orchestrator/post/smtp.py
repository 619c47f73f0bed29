"""By mail: one connection for as many messages as there are, TLS unless the runbook says otherwise."""

from __future__ import annotations

import smtplib
import socket
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from types import TracebackType
from typing import Self

from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.message import Message, SmtpRoute
from stopgap.orchestrator.post.postman import Posted
from stopgap.orchestrator.secret import SecretError

TIMEOUT = 20.0
"""Seconds for which a server may stay silent."""


class SmtpPostman:
    """Sends through one server; a connection that broke is opened again for the next message."""

    def __init__(self, route: SmtpRoute) -> None:
        self._route = route
        self._server: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        server, self._server = self._server, None
        if server is not None:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()

    def post(self, message: Message) -> Posted:
        """Send one mail. What breaks before the text is handed over has failed; after it, nobody knows."""
        mail = compose(message, self._route.sender or message.reply_to)
        try:
            server = self._connected()
            _accepted(server.mail(self._route.sender or message.reply_to), "the sender")
            _accepted(server.rcpt(message.to), "the recipient")
        except (OSError, smtplib.SMTPException, SecretError) as error:
            self._drop()
            return Posted("failed", _reason(error, self._route))
        try:
            code, said = server.data(mail.as_bytes())
        except smtplib.SMTPDataError as error:
            self._drop()
            return Posted("failed", _reason(error, self._route))
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return Posted("unknown", f"handed over, not confirmed: {_reason(error, self._route)}")
        if code != 250:
            self._drop()
            return Posted("failed", f"{self._route.host}: {code} {_said(said)}")
        return Posted("sent", f"{self._route.host}: {code} {_said(said)}")

    def _connected(self) -> smtplib.SMTP:
        if self._server is None:
            self._server = _connect(self._route)
        return self._server

    def _drop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()


def compose(message: Message, sender: str) -> EmailMessage:
    """Build the mail; header values cannot end their line, and what is not ASCII is encoded (RFC 2047, RFC 2231)."""
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


def _connect(route: SmtpRoute) -> smtplib.SMTP:
    context = ssl.create_default_context(cafile=route.ca) if route.security != "none" else None
    if context is not None and route.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            route.host, route.port, timeout=TIMEOUT, context=context, local_hostname="localhost"
        )
    else:
        server = smtplib.SMTP(route.host, route.port, timeout=TIMEOUT, local_hostname="localhost")
    try:
        server.local_hostname = _literal(server.sock)
        if context is not None and route.security == "starttls":
            _accepted(server.starttls(context=context), "STARTTLS", 220)
        server.ehlo_or_helo_if_needed()
        if route.user is not None and route.secret is not None:
            server.login(route.user, route.secret.reveal())
    except BaseException:
        server.close()
        raise
    return server


def _literal(connection: socket.socket | None) -> str:
    """Give the address literal to greet with (RFC 5321, 4.1.3): a look-up of the own name may take long."""
    address = str(connection.getsockname()[0]) if connection else "127.0.0.1"
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _accepted(reply: tuple[int, bytes], what: str, *codes: int) -> None:
    code, said = reply
    if code not in (codes or (250, 251)):
        raise smtplib.SMTPResponseException(code, f"{what} was not accepted: {_said(said)}")


def _reason(error: Exception, route: SmtpRoute) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"{route.host}: the login was not accepted ({error.smtp_code})"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{route.host}: {error.smtp_code} {_said(error.smtp_error)}"
    if isinstance(error, SecretError):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"{route.host}:{route.port}: no answer within {TIMEOUT:.0f} s"
    return f"{route.host}:{route.port}: {_said(str(getattr(error, 'strerror', None) or error))}"


def _said(text: bytes | str) -> str:
    """Give what a server said: its first 200 characters, escaped."""
    return escape((text.decode("utf-8", "replace") if isinstance(text, bytes) else text)[:200])
