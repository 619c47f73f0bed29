# Lists files that carry capabilities (getcap(8)); names that hold a newline could forge a line, and are left out.
# Where getcap is not installed, perl reads the attribute and prints it likewise (capabilities(7), getxattr(2)).
needs find || exit 127
by_perl() {
    perl -0 -n -e '
        BEGIN {
            $call = {x86_64 => 192, aarch64 => 9}->{shift @ARGV};
            @names = qw(chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable
                net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot
                sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease
                audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read
                perfmon bpf checkpoint_restore);
        }
        chomp;
        my ($name, $value) = ("security.capability", "\0" x 32);
        my $length = syscall($call, $_, $name, $value, 32);
        next if $length < 12;
        my ($head, $permitted, $inherited, @high) = unpack "V5", substr($value, 0, $length);
        my $all = sub { my ($low, $high) = @_; grep { ($_ < 32 ? $low >> $_ : ($high || 0) >> $_ - 32) & 1 } 0 .. $#names };
        my %marks;
        $marks{$_} .= ($head & 1 ? "e" : "") for $all->($permitted, $high[0]);
        $marks{$_} .= "i" for $all->($inherited, $high[1]);
        $marks{$_} .= "p" for $all->($permitted, $high[0]);
        my %by;
        push @{$by{$marks{$_}}}, "cap_$names[$_]" for sort { $a <=> $b } keys %marks;
        print "$_ ", join(" ", map { join(",", @{$by{$_}}) . "=$_" } sort keys %by), "\n" if %by;
    ' "$1"
}
if command -v getcap >/dev/null 2>&1; then
    { find "$@" -xdev -type f ! -path "*$nl*" -exec getcap -- {} + 2>&1 >&5 5>&- | lost; } 5>&1
else
    machine=$(uname -m)
    case $machine in x86_64|aarch64) needs perl || exit 127 ;; *) needs getcap || exit 127 ;; esac
    { find "$@" -xdev -type f ! -path "*$nl*" -print0 2>&1 >&5 5>&- | lost; } 5>&1 | by_perl "$machine" || s=$?
fi
