# Archives the tools by which a host is looked at and entered, wherever they are; merged directories count once.
set --
for directory in /bin /sbin /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin; do
    [ ! -L "$directory" ] || continue
    for tool in \
        arp awk bash busybox cat chattr cron crond crontab dash date df dmesg dpkg du find fuser getty grep head id \
        ifconfig init ip iptables journalctl kill killall last lastb lastlog login ls lsattr lsmod lsof md5sum more \
        netstat nft passwd pidof pgrep ps pstree readlink route rpm sed sh sha256sum sort ss ssh sshd stat strings \
        su sudo systemctl tail tar tcpdump top unix_chkpwd w wc wget curl who; do
        path=$directory/$tool
        if [ -f "$path" ] || [ -L "$path" ]; then set -- "$@" "$path"; fi
    done
done
for path in /lib/*/security/pam_*.so /lib64/security/pam_*.so /lib/security/pam_*.so; do
    if [ -f "$path" ]; then set -- "$@" "$path"; fi
done
each=16777216 tests=
archive "$@"
