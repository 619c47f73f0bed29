"""Ways in which mail servers run that no list names: supervisors, sockets, units of one's own, unknown programs."""

from __future__ import annotations

from .arrangement import Arrangement
from .programs import EXIM, EXIM_QUEUE, MAIL, NO_DAEMON, OPENSMTPD

_SINK = r"""
cat >/usr/local/bin/sink.py <<'END'
import socket, sys
s = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    c, _ = s.accept()
    c.sendall(b"220 sink\r\n")
    c.close()
END
"""
"""A program that nobody knows, and that takes mail."""
_UNITS = "/etc/systemd/system"

KINDS = (
    Arrangement(
        name="Python daemon by hand",
        packages=(),
        beside_postfix=True,
        prepare=f"""{_SINK}
setsid python3 /usr/local/bin/sink.py 2525 </dev/null >/dev/null 2>&1 &
echo '* * * * * root pgrep -f sink.py || python3 /usr/local/bin/sink.py 2525 &' >/etc/cron.d/keep
""",
        ports=(25, 2525),
        says=("receives mail on 2525", "is frozen, its ports take connections and answer nothing"),
        guard="cron line that looks for the process",
        clear="pkill -KILL -f sink.py; rm -f /etc/cron.d/keep",
        silent=(2525,),
    ),
    Arrangement(
        name="Python daemon by a unit",
        packages=(),
        beside_postfix=True,
        prepare=f"""{_SINK}
cat >{_UNITS}/sink.service <<END
[Service]
ExecStart=/usr/bin/python3 /usr/local/bin/sink.py 2525
Restart=always
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload; systemctl enable --now sink 2>&1
echo '* * * * * root ss -ltn | grep -q :2525 || systemctl restart sink' >/etc/cron.d/keep
""",
        ports=(25, 2525),
        says=("receives mail on 2525", "in sink.service", "cron by /etc/cron.d/keep"),
        guard="Restart=always, cron line",
        kick="systemctl start sink",
        clear=f"systemctl disable --now sink; rm -f {_UNITS}/sink.service /etc/cron.d/keep",
    ),
    Arrangement(
        name="OpenSMTPD under runit",
        packages=("opensmtpd", "runit"),
        prepare=f"""{OPENSMTPD}
systemctl disable --now opensmtpd 2>&1; mkdir -p /etc/sv/outbox
printf '#!/bin/sh\\nexec smtpd -F\\n' >/etc/sv/outbox/run; chmod +x /etc/sv/outbox/run
mkdir -p /var/service; ln -s /etc/sv/outbox /var/service/
printf '[Service]\\nExecStart=/usr/bin/runsvdir -P /var/service\\n' >{_UNITS}/runsvdir.service
systemctl daemon-reload; systemctl start runsvdir
for i in $(seq 100); do [ ! -S /run/smtpd.sock ] && [ ! -S /var/run/smtpd.sock ] || break; sleep 0.1; done
{MAIL}""",
        ports=(25,),
        says=(
            "found: OpenSMTPD, receives mail on 25",
            "the service directory /etc/sv/outbox",
            "OpenSMTPD: 1 message stays queued",
        ),
        queue=("/var/spool/smtpd/queue",),
        guard="runsv, and its restart",
        kick="systemctl restart runsvdir; sleep 2",
        clear=f"systemctl stop runsvdir; pkill runsv; rm -rf /etc/sv/outbox /var/service {_UNITS}/runsvdir.service",
    ),
    Arrangement(
        name="Exim under xinetd",
        packages=("exim4-daemon-light", "xinetd"),
        prepare=f"""{EXIM}{NO_DAEMON}
cat >/etc/xinetd.d/post <<END
service smtp
{{
	disable = no
	flags = IPv6
	socket_type = stream
	wait = no
	user = Debian-exim
	server = /usr/sbin/exim4
	server_args = -bs
}}
END
systemctl restart xinetd
""",
        ports=(25,),
        says=("found: xinetd listens on 25 and starts /usr/sbin/exim4 (/etc/xinetd.d/post)",),
        queue=EXIM_QUEUE,
        guard="xinetd",
        kick="systemctl restart xinetd",
    ),
    Arrangement(
        name="Exim behind a socket of systemd",
        packages=("exim4-daemon-light",),
        prepare=f"""{EXIM}{NO_DAEMON}
printf '[Socket]\\nListenStream=25\\nAccept=yes\\n[Install]\\nWantedBy=sockets.target\\n' >{_UNITS}/inbox.socket
printf '[Service]\\nExecStart=-/usr/sbin/exim4 -bs\\nStandardInput=socket\\n' >{_UNITS}/inbox@.service
systemctl daemon-reload; systemctl enable --now inbox.socket 2>&1
""",
        ports=(25,),
        says=("keep systemd from listening for mail: inbox.socket", "Exim: 1 message stays queued"),
        queue=EXIM_QUEUE,
        guard="the socket",
        kick="systemctl start inbox.socket",
        clear=f"systemctl disable --now inbox.socket; rm -f {_UNITS}/inbox*",
    ),
    Arrangement(
        name="Exim by a unit and a timer of one's own",
        packages=("exim4-daemon-light",),
        prepare=f"""{EXIM}{NO_DAEMON}
cat >{_UNITS}/outbox.service <<END
[Service]
ExecStart=/usr/sbin/exim4 -bdf
Restart=always
[Install]
WantedBy=multi-user.target
END
printf '[Service]\\nType=oneshot\\nExecStart=/usr/sbin/exim4 -qff\\n' >{_UNITS}/flush.service
printf '[Timer]\\nOnCalendar=hourly\\n[Install]\\nWantedBy=timers.target\\n' >{_UNITS}/flush.timer
systemctl daemon-reload; systemctl enable --now outbox flush.timer 2>&1
""",
        ports=(25,),
        says=("found: Exim, receives mail on 25", "in outbox.service", "flush.timer", "Exim: 1 message stays queued"),
        queue=EXIM_QUEUE,
        guard="Restart=always, a timer that runs the queue",
        kick="systemctl start outbox flush.timer flush",
        clear=f"systemctl disable --now outbox flush.timer; rm -f {_UNITS}/outbox.service {_UNITS}/flush.*",
    ),
    Arrangement(
        name="Exim watched by monit",
        packages=("exim4-daemon-light", "monit"),
        prepare=f"""{EXIM}service exim4 restart
cat >/etc/monit/conf.d/exim <<END
check process exim with pidfile /run/exim4/exim.pid
  start program = "/etc/init.d/exim4 start"
END
sed -i 's/set daemon .*/set daemon 1/' /etc/monit/monitrc; systemctl restart monit
""",
        ports=(25,),
        says=("found: Exim, receives mail on 25", "would start it again, and is held: monit"),
        queue=EXIM_QUEUE,
        guard="monit",
        kick="systemctl start monit; sleep 2",
        clear="rm -f /etc/monit/conf.d/exim",
    ),
)
