"""Mail servers of Debian, each as an administrator arranges it."""

from __future__ import annotations

from .arrangement import FAR, Arrangement

EXIM = f"""
cat >/etc/exim4/update-exim4.conf.conf <<END
dc_eximconfig_configtype='satellite'
dc_other_hostnames='web'
dc_local_interfaces=''
dc_readhost='web'
dc_minimaldns='true'
dc_smarthost='{FAR}'
CFILEMODE='644'
dc_use_split_config='false'
dc_hide_mailname='true'
dc_localdelivery='mail_spool'
END
echo web >/etc/mailname
update-exim4.conf
echo letter | exim4 -odq x@example.com
"""
NO_DAEMON = "service exim4 stop; systemctl disable exim4; systemctl reset-failed\n"
OPENSMTPD = f"""
cat >/etc/smtpd.conf <<END
listen on 0.0.0.0
listen on ::
listen on socket
action out relay host smtp://{FAR}
match from any for any action out
END
"""
MAIL = "echo letter | sendmail -f web@example.com x@example.com\n"
POSTFIX_QUEUE = ("/var/spool/postfix/deferred", "/var/spool/postfix/active")
EXIM_QUEUE = ("/var/spool/exim4/input/*-[HD]",)

PROGRAMS = (
    Arrangement(
        name="Postfix with two instances",
        packages=(),
        beside_postfix=True,
        prepare=f"""
postmulti -e init; postmulti -I postfix-out -e create
sed -i 's/^smtp  *inet/2525 inet/' /etc/postfix-out/master.cf
postconf -c /etc/postfix-out -e master_service_disable= inet_interfaces=all authorized_submit_users=
postmulti -i postfix-out -e enable; systemctl daemon-reload
systemctl restart postfix; systemctl start postfix@postfix-out
{MAIL}sleep 1
""",
        ports=(25, 2525),
        says=(
            "found: Postfix, receives mail on 25 (/usr/lib/postfix/sbin/master, package postfix",
            "receives mail on 2525 (/usr/lib/postfix/sbin/master, package postfix, in postfix@postfix-out.service)",
            "queued, the oldest since",
        ),
        queue=(*POSTFIX_QUEUE, "/var/spool/postfix-out/deferred"),
        guard="a unit each",
        kick="systemctl start postfix postfix@- postfix@postfix-out",
        clear="""
postmulti -i postfix-out -p stop; postmulti -i postfix-out -e disable; postmulti -i postfix-out -e destroy
rm -rf /etc/postfix-out /var/spool/postfix-out /var/lib/postfix-out
postmulti -e deinit; postsuper -d ALL; systemctl daemon-reload
""",
    ),
    Arrangement(
        name="Dovecot's submission beside Postfix",
        packages=("dovecot-submissiond", "dovecot-imapd"),
        beside_postfix=True,
        prepare="""
printf 'submission_relay_host = 127.0.0.1\\nssl = no\\n' >/etc/dovecot/conf.d/99-lab.conf
systemctl restart dovecot
""",
        ports=(25, 587),
        says=(
            "found: Postfix, receives mail on 25",
            "found: dovecot, takes submissions on 587 (/usr/sbin/dovecot, package dovecot-core, in dovecot.service)",
            "have Dovecot close 587",
        ),
        guard="its unit, its reload",
        kick="doveadm reload; systemctl restart dovecot; systemctl start postfix",
        holds="sleep 0.5; ss -Hltn | grep ':143 '",
        clear="rm -rf /etc/dovecot",
    ),
    Arrangement(
        name="Exim",
        packages=("exim4-daemon-light",),
        prepare=f"{EXIM}service exim4 restart\n",
        ports=(25,),
        says=(
            "found: Exim, receives mail on 25 (/usr/sbin/exim4, package exim4-daemon-light, in exim4.service)",
            "Exim: 1 message stays queued",
        ),
        queue=EXIM_QUEUE,
        guard="init script, hook of ppp",
        kick="systemctl start exim4",
    ),
    Arrangement(
        name="Exim under inetd",
        packages=("exim4-daemon-light", "openbsd-inetd"),
        prepare=f"""{EXIM}{NO_DAEMON}
echo 'smtp stream tcp nowait Debian-exim /usr/sbin/exim4 exim4 -bs' >>/etc/inetd.conf
systemctl restart inetd
""",
        ports=(25,),
        says=(
            "found: inetd listens on 25 and starts /usr/sbin/exim4 (/etc/inetd.conf)",
            "have inetd read its configuration again, without mail on 25",
        ),
        queue=EXIM_QUEUE,
        guard="inetd",
        kick="systemctl restart inetd",
        clear="rm -f /etc/inetd.conf",
    ),
    Arrangement(
        name="sendmail",
        packages=("sendmail-bin",),
        prepare="""
sed -i 's/Addr=127.0.0.1/Addr=0.0.0.0/' /etc/mail/sendmail.mc; make -C /etc/mail >/dev/null 2>&1
service sendmail restart; echo letter | sendmail -odq -f web@example.com x@example.com
""",
        ports=(25,),
        says=(
            "found: sendmail, receives mail on 25, takes submissions on 587",
            "package sendmail-bin, in sendmail.service",
            "sendmail: 1 message stays queued",
            "cron by /etc/cron.d/sendmail",
        ),
        queue=("/var/spool/mqueue", "/var/spool/mqueue-client"),
        guard="cron line, hooks of the network",
        kick="systemctl start sendmail",
    ),
    Arrangement(
        name="OpenSMTPD",
        packages=("opensmtpd",),
        prepare=f"""{OPENSMTPD}
systemctl restart opensmtpd; sleep 1; {MAIL}
echo '* * * * * root pgrep smtpd >/dev/null || systemctl restart opensmtpd' >/etc/cron.d/keep
""",
        ports=(25,),
        says=(
            "found: OpenSMTPD, receives mail on 25 (/usr/sbin/smtpd, package opensmtpd, in opensmtpd.service)",
            "OpenSMTPD: 1 message stays queued",
            "cron by /etc/cron.d/keep",
        ),
        queue=("/var/spool/smtpd/queue",),
        guard="cron line that restarts it",
        kick="systemctl start opensmtpd",
        clear="rm -f /etc/cron.d/keep",
    ),
    Arrangement(
        name="Courier",
        packages=("courier-mta",),
        prepare=f"echo web >/etc/courier/me; systemctl restart courier courier-mta; sleep 1\n{MAIL}",
        ports=(25, 465, 587),
        says=(
            "found: Courier, receives mail on 25 (/usr/sbin/couriertcpd, package courier-base",
            "Courier: 1 message stays queued",
        ),
        queue=("/var/lib/courier/msgs",),
        guard="its units",
        kick="systemctl start courier courier-mta courier-msa courier-mta-ssl",
    ),
    Arrangement(
        name="nullmailer",
        packages=("nullmailer",),
        prepare=f"""
echo '{FAR} smtp' >/etc/nullmailer/remotes; echo web >/etc/mailname
systemctl restart nullmailer; echo letter | nullmailer-inject x@example.com
""",
        says=(
            "found: nullmailer, only sends (/usr/sbin/nullmailer-send, package nullmailer, in nullmailer.service)",
            "nullmailer: 1 message stays queued",
        ),
        queue=("/var/spool/nullmailer/queue",),
        guard="its unit",
        kick="systemctl start nullmailer",
    ),
    Arrangement(
        name="dma",
        packages=("dma",),
        prepare=f"""
echo 'SMARTHOST {FAR}' >>/etc/dma/dma.conf; echo web >/etc/mailname
echo letter | sendmail x@example.com
""",
        says=("found: dma, only sends", "dma: 1 message stays queued", "cron by /etc/cron.d/dma"),
        queue=("/var/spool/dma/M*", "/var/spool/dma/Q*"),
        guard="cron line that runs the queue",
    ),
    Arrangement(
        name="msmtp with msmtpd",
        packages=("msmtp-mta",),
        prepare=f"""
printf 'account default\\nhost {FAR}\\nfrom web@example.com\\n' >/etc/msmtprc
systemctl start msmtpd; mkdir -p /root/.msmtp.queue
echo '-f web@example.com x@example.com' >/root/.msmtp.queue/a.msmtp
printf 'From: web@example.com\\nTo: x@example.com\\n\\nletter\\n' >/root/.msmtp.queue/a.mail
""",
        says=(
            "found: msmtp, takes mail of this host's programs on 25",
            "package msmtp-mta, in msmtpd.service",
            "msmtp: 1 message stays queued",
        ),
        queue=("/root/.msmtp.queue",),
        guard="its unit",
        kick="systemctl start msmtpd",
        clear="rm -rf /root/.msmtp.queue /etc/msmtprc",
    ),
    Arrangement(
        name="ssmtp",
        packages=("ssmtp",),
        prepare=f"echo 'mailhub={FAR}' >/etc/ssmtp/ssmtp.conf\n",
        says=("found: ssmtp, only sends", "Not covered: ssmtp sends what a local program hands to sendmail at once"),
        guard="none: no daemon, no queue",
    ),
)
