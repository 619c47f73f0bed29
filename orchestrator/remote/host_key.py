"""The host key that a server shows before it is trusted: no login name is sent, and no key is offered."""

from __future__ import annotations

import threading
from contextlib import closing

from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.login_settings import Login
from stopgap.orchestrator.remote.session import Unreachable
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import CancelledError, Deadline
from stopgap.orchestrator.wire.tcp import connect_tcp


def shown_key(login: Login, limits: Limits = Limits(), cancelled: threading.Event | None = None) -> bytes:  # noqa: B008
    """Return the host key, in wire format (RFC 4253, section 6.6), that the server proves to hold.

    Raises Unreachable, also for a host behind a jump host.
    """
    from stopgap.orchestrator.remote.login import HungUpError, exchange_keys  # noqa: PLC0415 - imports paramiko
    from stopgap.orchestrator.remote.transport import HardenedTransport  # noqa: PLC0415

    host = login.host
    if login.via is not None:
        raise Unreachable(host.name, tr("unknown host key, and the host is behind a jump host"), "host-key")
    deadline = Deadline(limits.connect, cancelled)
    try:
        dialled = connect_tcp(host.address, host.port, deadline, limits.silence)
        with closing(HardenedTransport(dialled, limits, ())) as transport:
            return exchange_keys(transport, host, deadline)
    except (TimeoutError, CancelledError):
        raise Unreachable(
            host.name, tr("no answer within {connect} s", connect=f"{limits.connect:g}"), "timeout"
        ) from None
    except HungUpError:
        raise Unreachable(host.name, tr("the server accepts connections and hangs up"), "protocol") from None
    except ConnectionRefusedError:
        raise Unreachable(host.name, tr("port {port} refuses connections", port=host.port), "refused") from None
    except OSError as error:
        raise Unreachable(host.name, error.strerror or str(error), "network") from None
