# Lists access control lists beyond owner and mode, with numbers, as getfacl(1) does; names that hold a newline could
# forge a line, and are left out. Where getfacl is not installed, perl reads the attribute (acl(5), getxattr(2)).
needs find || exit 127
by_perl() {
    perl -0 -n -e '
        BEGIN { $call = {x86_64 => 192, aarch64 => 9}->{shift @ARGV} }
        chomp;
        my ($name, $value) = ("system.posix_acl_access", "\0" x 4096);
        my $length = syscall($call, $_, $name, $value, 4096);
        next if $length < 4;
        my @parts = unpack "V(vvV)*", substr($value, 0, $length);
        next unless shift @parts == 2;
        print "# file: $_\n";
        while (my ($tag, $rights, $id) = splice @parts, 0, 3) {
            my $who = {1 => "user:", 2 => "user:$id", 4 => "group:", 8 => "group:$id", 16 => "mask:", 32 => "other:"}->{$tag};
            print "$who:", map({ $rights & (4, 2, 1)[$_] ? (qw(r w x))[$_] : "-" } 0 .. 2), "\n" if $who;
        }
    ' "$1"
}
if command -v getfacl >/dev/null 2>&1; then
    { getfacl -R -p -n -s "$@" 2>&1 >&5 5>&- | lost; } 5>&1
else
    machine=$(uname -m)
    case $machine in x86_64|aarch64) needs perl || exit 127 ;; *) needs getfacl || exit 127 ;; esac
    { find "$@" -xdev \( -type f -o -type d \) ! -path "*$nl*" -print0 2>&1 >&5 5>&- | lost; } 5>&1 | by_perl "$machine" || s=$?
fi
