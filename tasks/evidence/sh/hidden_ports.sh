# Looks for ports that are taken though the kernel's tables do not list them: binds every port for an instant.
# What is taken and not listed, before and after, is looked at again a moment later. A port that is free stays free.
bound_by_perl() {
    perl -e '
        sub listed {
            my %found;
            for my $table ("tcp", "tcp6", "udp", "udp6") {
                open(my $lines, "<", "/proc/net/$table") or next;
                while (<$lines>) { $found{substr($table, 0, 3), hex $1} = 1 if /^\s*\d+:\s+[0-9A-F]+:([0-9A-F]{4})\s/ }
            }
            return \%found;
        }
        sub taken {
            my ($kind, $port) = @_;
            socket(my $socket, 2, $kind eq "tcp" ? 1 : 2, 0) or die "no socket: $!\n";
            return !bind($socket, pack("S n x12", 2, $port)) && $!{EADDRINUSE};
        }
        my @left = map { my $kind = $_; map { [$kind, $_] } 1 .. 65535 } "tcp", "udp";
        for my $round (1, 2) {
            my $before = listed();
            @left = grep { taken(@$_) } @left;
            my $after = listed();
            @left = grep { !$before->{$_->[0], $_->[1]} && !$after->{$_->[0], $_->[1]} } @left;
            select undef, undef, undef, 0.2 if @left && $round == 1;
        }
        print "looked at 1 to 65535 of tcp and udp\n";
        print "hidden: $_->[0] $_->[1]\n" for @left;
    '
}
bound_by_python() {
    python3 -B -I -S -c '
import errno, socket, time

def listed():
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        try:
            with open("/proc/net/" + table) as lines:
                found |= {(table[:3], int(l.split()[1].rpartition(":")[2], 16)) for l in list(lines)[1:]}
        except OSError:
            pass
    return found

def taken(kind, port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as s:
        try:
            s.bind(("", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False

left = [(kind, port) for kind in ("tcp", "udp") for port in range(1, 65536)]
for again in (0, 1):
    before = listed()
    left = [each for each in left if taken(*each)]
    after = listed()
    left = [each for each in left if each not in before | after]
    if left and not again:
        time.sleep(0.2)
print("looked at 1 to 65535 of tcp and udp")
for kind, port in left:
    print("hidden:", kind, port)
'
}
if command -v perl >/dev/null; then bound_by_perl
elif command -v python3 >/dev/null; then bound_by_python
else echo 'neither perl nor python3: not looked' >&2; (exit 1); fi || s=$?
