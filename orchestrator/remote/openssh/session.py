"""The framed exchange, carried by ssh(1)."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote.exchange import FramedSession
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.line import Line, LineBrokenError
from stopgap.orchestrator.remote.openssh.configuration import configuration, environment
from stopgap.orchestrator.remote.openssh.master import Master, MasterEndedError
from stopgap.orchestrator.remote.openssh.refusal import hung_up, refusal, shown_key
from stopgap.orchestrator.remote.process import ProcessLine
from stopgap.orchestrator.remote.session import Unreachable
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import CancelledError, Deadline


class OpensshSession(FramedSession):
    """Exchanges over one connection of ssh(1); each exchange is a session of its own on the connection."""

    def __init__(self, host: Host, limits: Limits, master: Master) -> None:
        super().__init__(host, limits)
        self._master = master
        self._line: ProcessLine | None = None
        shown = shown_key(master.said)
        self.fingerprint = shown[1] if shown else None

    @property
    def alive(self) -> bool:
        """True while ssh(1) runs and the framing is intact."""
        return super().alive and self._master.alive

    def close(self) -> None:
        """End ssh(1)."""
        super().close()
        self._master.close()
        if self._line is not None:
            self._line.kill()

    def _open_line(self, words: Sequence[str], deadline: float) -> Line:
        try:
            self._line = ProcessLine(self._master.exchange_words(f"exec {join(words)}"), environment())
        except OSError as error:
            raise LineBrokenError(f"{error.filename}: {error.strerror}") from None
        return self._line


def open_session(host: Host, hosts: Mapping[str, Host], limits: Limits, deadline: Deadline) -> OpensshSession:
    """Log in with ssh(1), over the jump hosts of the inventory or of ssh_config(5). Raises Unreachable."""
    settings = configuration(host, hosts)
    try:
        master = _logged_in(host, settings.known_hosts, lambda: Master(settings, limits), limits, deadline)
    except CancelledError:
        raise Unreachable(host.name, "cancelled", "cancelled") from None
    except TimeoutError:
        reason = tr(
            "no answer within {seconds} s; `connect_timeout` in the inventory gives it longer",
            seconds=f"{deadline.seconds:g}",
        )
        raise Unreachable(host.name, reason, "timeout") from None
    except OSError:
        raise Unreachable(
            host.name, tr("ssh(1), which `transport: openssh` needs, is not installed here"), "identity"
        ) from None
    return OpensshSession(host, limits, master)


def _logged_in(
    host: Host, known_hosts: str, start: Callable[[], Master], limits: Limits, deadline: Deadline
) -> Master:
    """Start ssh(1) and wait for the login, again where the server hangs up at once; raises Unreachable.

    A server that hung up and is silent from then on is refused by what it did first, which tells more.
    """
    attempt, hung = 0, ""
    while True:
        attempt += 1
        master = start()
        try:
            master.wait(deadline)
        except MasterEndedError as ended:
            master.close()
            pause = random.uniform(0.3, 1) * min(0.1 * 2**attempt, 2)  # noqa: S311
            if not hung_up(ended.said) or attempt == limits.banner_attempts or pause > deadline.left():
                raise refusal(host, known_hosts, ended.said) from None
            hung = ended.said
            deadline.sleep(pause)
        except TimeoutError:
            master.close()
            if hung:
                raise refusal(host, known_hosts, hung) from None
            raise
        except BaseException:
            master.close()
            raise
        else:
            return master
