"""Tools on a host to read and set extended attributes and inode flags: perl or python3, else getfattr and setfattr.

perl makes the system calls directly (syscalls(2)), for lack of a perl function.
"""

from __future__ import annotations

from stopgap.orchestrator.shell import quote

_PERL = r"""
use Fcntl;
my ($machine, $do, @paths) = @ARGV;
my $wide = length(pack("l!", 0)) == 8;
my $base = $machine =~ /^(x86_64|i.86)$/ ? ($wide ? 188 : 226)
    : $machine =~ /^(aarch64|arm|riscv|loongarch)/ ? ($wide || $machine =~ /^(riscv|loong)/ ? 5 : 226)
    : $machine =~ /^ppc/ ? 209 : $machine =~ /^s390/ ? 224 : exit 127;
my $get = 0x80000000 | length(pack("l!", 0)) << 16 | 0x6601;
my $set = ($get ^ 0xc0000000) + 1;
($get, $set) = ($set - 1, $get + 1) if $machine =~ /^ppc/;
sub names {
    my ($call, $of) = @_;
    my $names = "\0" x 65536;
    my $size = syscall($call, $of, $names, 65536);
    return $size < 0 ? undef : [split /\0/, substr($names, 0, $size)];
}
if ($do eq "read") {
    while (my ($key, $path) = splice @paths, 0, 2) {
        print "path $key\n";
        my @is = lstat $path or next;
        print "links $is[3]\n" unless -d _;
        if ((-d _ || -f _) && sysopen(my $file, $path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW)) {
            my $bits = pack("L x4", 0);
            print "flags ", unpack("L", $bits), "\n" if ioctl($file, $get, $bits);
        }
        my $names = names($base + 7, $path);
        if (!$names) { print "trouble ", unpack("H*", "$!"), "\n" unless $!{EOPNOTSUPP}; next }
        for my $name (@$names) {
            my $value = "\0" x 65536;
            my $size = syscall($base + 4, $path, $name, $value, 65536);
            if ($size < 0) { print "trouble ", unpack("H*", "$name: $!"), "\n"; next }
            print "x ", unpack("H*", $name), " ", unpack("H*", substr($value, 0, $size)), "\n";
        }
    }
    exit;
}
my %wanted;
open(my $file, "<&=", 3) or die "$!\n";
while (<STDIN>) {
    my ($key, $name, $value) = split;
    if ($key eq "x") {
        ($name, $value) = (pack("H*", $name), pack("H*", $value // ""));
        $wanted{$name} = 1;
        syscall($base + 2, 3, $name, $value, length $value, 0) == 0 or die "$name: $!\n";
        next;
    }
    my $bits = pack("L x4", 0);
    ioctl($file, $get, $bits) or next;
    my $old = unpack("L", $bits);
    my ($wanted, $mask) = ($name + 0, $value + 0);
    my $new = $old & ~$mask | $wanted & $mask;
    $bits = pack("L x4", $new);
    $new == $old or ioctl($file, $set, $bits) or die "inode flags: $!\n";
}
for my $name (@{names($base + 8, 3) || []}) {
    next if $name ne "system.posix_acl_access" || $wanted{$name};
    syscall($base + 11, 3, $name) == 0 or die "$name: $!\n";
}
"""
_PYTHON = r"""
import errno, fcntl, os, stat, struct, sys
machine, do, *paths = map(os.fsencode, sys.argv[1:])
get = 0x80000000 | struct.calcsize("l") << 16 | 0x6601
put = (get ^ 0xc0000000) + 1
if machine.startswith((b"ppc", b"mips", b"sparc", b"alpha", b"parisc")):
    get, put = put - 1, get + 1
say = sys.stdout.write

def flags(file):
    return struct.unpack("=I4x", fcntl.ioctl(file, get, bytes(8)))[0]

def one(path):
    found = os.lstat(path)
    directory = stat.S_ISDIR(found.st_mode)
    if not directory:
        say("links %d\n" % found.st_nlink)
    if directory or stat.S_ISREG(found.st_mode):
        try:
            file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
            try:
                say("flags %d\n" % flags(file))
            finally:
                os.close(file)
        except OSError:
            pass
    try:
        for name in os.listxattr(path, follow_symlinks=False):
            value = os.getxattr(path, name, follow_symlinks=False)
            say("x %s %s\n" % (os.fsencode(name).hex(), value.hex()))
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            say("trouble %s\n" % error.strerror.encode().hex())

if do == b"read":
    for key, path in zip(paths[::2], paths[1::2]):
        say("path %s\n" % os.fsdecode(key))
        try:
            one(path)
        except OSError:
            pass
    sys.exit()
try:
    wanted = set()
    for line in sys.stdin:
        key, name, *value = line.split()
        if key == "x":
            name = bytes.fromhex(name)
            wanted.add(os.fsdecode(name))
            os.setxattr(3, name, bytes.fromhex("".join(value)))
            continue
        try:
            old = flags(3)
        except OSError:
            continue
        new = old & ~int(value[0]) | int(name) & int(value[0])
        if new != old:
            fcntl.ioctl(3, put, struct.pack("=I4x", new))
    acl = "system.posix_acl_access"
    try:
        inherited = acl in os.listxattr(3) and acl not in wanted
    except OSError:
        inherited = False
    if inherited:
        os.removexattr(3, acl)
except OSError as error:
    sys.exit("%r: %s" % (name, error.strerror))
"""
_WAYS = r"""
xa_machine=$(uname -m 2>/dev/null)
xa_perl() { env -i PATH="$PATH" LC_ALL=C perl -e @perl@ "${xa_machine:-x}" "$@"; }
xa_python() { env -i PATH="$PATH" LC_ALL=C python3 -B -I -S -c @python@ "${xa_machine:-x}" "$@"; }
xa_hex() { od -A n -v -t x1 | tr -d ' \n'; }
xa_tools() {
    if [ "$1" = read ]; then
        shift
        while [ $# -gt 0 ]; do
            xa_path=$2
            echo "path $1"
            shift 2
            if [ ! -e "$xa_path" ] && [ ! -L "$xa_path" ]; then continue; fi
            if [ -L "$xa_path" ] || [ ! -d "$xa_path" ]; then stat -c 'links %h' -- "$xa_path"; fi
            xa_said=$(getfattr -h --absolute-names -d -m - -e hex -- "$xa_path" 2>&1) || {
                printf 'trouble %s\n' "$(printf %s "${xa_said##*: }" | xa_hex)"
                continue
            }
            printf '%s\n' "$xa_said" | while IFS= read -r xa_line; do
                case $xa_line in
                    '#'*) ;;
                    *=0x*) printf 'x %s %s\n' "$(printf "${xa_line%=0x*}" | xa_hex)" "${xa_line##*=0x}" ;;
                    ?*) printf 'x %s \n' "$(printf "${xa_line%%=*}" | xa_hex)" ;;
                esac
            done
        done
        return 0
    fi
    while read -r xa_key xa_name xa_value; do
        [ "$xa_key" = x ] || continue
        xa_octal=
        while [ "$xa_name" ]; do
            xa_rest=${xa_name#??}
            xa_octal="$xa_octal\\$(printf %03o $((0x${xa_name%"$xa_rest"})))" xa_name=$xa_rest
        done
        xa_name=$(printf "$xa_octal")
        setfattr -n "$xa_name" -v "0x$xa_value" /proc/self/fd/3 3>&3 || return
    done
}
xa_there() { command -v "$1" >/dev/null 2>&1; }
xa_way=
"""
_CHOICE = r"""
if xa_there perl && xa_perl read 0 / >/dev/null 2>&1; then xa_way=perl
elif xa_there python3 && xa_python read 0 / >/dev/null 2>&1; then xa_way=python
elif xa_there getfattr && xa_there setfattr && xa_there od; then xa_way=tools; fi
xa() { [ "$xa_way" ] || return 127; "xa_$xa_way" "$@"; }
"""


def ways() -> str:
    """Return the shell functions; `xa` uses the available tool, with exit status 127 without a tool.

    `xa read KEY PATH…` prints for each path `path KEY`, then `links N`, `flags N`, `x NAME VALUE` in hexadecimal, and
    `trouble TEXT`. `xa write` reads `x NAME VALUE` and `flags VALUE MASK` from standard input, and sets the
    attributes on file descriptor 3; an access control list inherited from the directory and missing from the input is
    removed.
    """
    return _programs(_WAYS + _CHOICE)


def reading(paths: str) -> str:
    """Return the script of `xa read` for these words of the shell: a key and a path each.

    A perl that answers for the paths needs no test of whether perl can do so, which is a second perl.
    """
    at_once = f"xa_there perl && xa_said=$(xa_perl read {paths} 2>/dev/null)"
    return f"{_programs(_WAYS)}if {at_once}; then printf '%s\\n' \"$xa_said\"; else{_CHOICE}xa read {paths}; fi"


def _programs(script: str) -> str:
    return script.replace("@perl@", quote(_PERL.strip())).replace("@python@", quote(_PYTHON.strip()))
