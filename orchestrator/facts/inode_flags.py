"""Tools on a host to read and set the immutable and append-only flags: the kernel's own call first.

`perl` and `python3` call ioctl(2) directly (FS_IOC_GETFLAGS, FS_IOC_SETFLAGS; ioctl_iflags(2)), in a clean
environment, and need no chattr(1), lsattr(1) or find(1), possibly removed or replaced by an intruder. Without perl
and python3 the commands, or a busybox with the commands, are the fallback.
"""

from __future__ import annotations

from stopgap.orchestrator.shell import quote

_PERL = r"""
use Fcntl;
my ($machine, $do, @rest) = @ARGV;
my $read = 0x80000000 | length(pack("l!", 0)) << 16 | 0x6601;
my $write = ($read ^ 0xc0000000) + 1;
($read, $write) = ($write - 1, $read + 1) if $machine =~ /^(ppc|mips|sparc|alpha|parisc)/;
sub bits {
    my ($path) = @_;
    sysopen(my $file, $path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW) or return;
    my $bits = pack("L x4", 0);
    ioctl($file, $read, $bits) or return;
    return ($file, unpack("L", $bits));
}
sub marks { return ($_[0] & 16 ? "i" : "") . ($_[0] & 32 ? "a" : "") }
if ($do eq "walk") {
    my ($unread, $such, $last) = (0, "", "");
    my $lost = sub {
        return if $last eq $_[0];
        $last = $_[0];
        $such = "$last: $!" unless $unread++;
    };
    my @todo = map { [$_, (lstat $_)[0]] } @rest;
    while (my $each = pop @todo) {
        my ($path, $device) = @$each;
        my @is = lstat $path or $!{ENOENT} || $lost->($path), next;
        my $directory = -d _;
        next unless $directory || -f _;
        my ($file, $bits) = bits($path);
        # A filesystem without such attributes has none to tell of.
        defined $bits or $!{ENOENT} || $!{ENOTTY} || $!{EOPNOTSUPP} || $!{ENOSYS} || $!{EINVAL} || $lost->($path);
        print "kernel:", marks($bits), " $path\0" if defined $bits && $bits & 48;
        next unless $directory && $is[0] == $device;
        opendir(my $listing, $path) or $!{ENOENT} || $lost->($path), next;
        my $above = $path eq "/" ? "" : $path;
        push @todo, map { ["$above/$_", $device] } grep { $_ ne "." && $_ ne ".." } readdir $listing;
    }
    print "unread $unread $such\0" if $unread;
    exit;
}
my $path = pop @rest;
my ($file, $bits) = bits($path);
# Another account may have put a link into the way: the kernel says what was opened.
if ($file && readlink("/proc/self/fd/" . fileno $file) ne $path) { ($file, $bits) = (); $! = 40 }
if ($do eq "get") { print defined $bits ? marks($bits) : "gone"; exit }
defined $bits or die "$path: $!\n";
my $mask = ($rest[0] =~ /i/ ? 16 : 0) | ($rest[0] =~ /a/ ? 32 : 0);
$bits = pack("L x4", $do eq "-" ? $bits & ~$mask : $bits | $mask);
ioctl($file, $write, $bits) or die "$path: $!\n";
"""
_PYTHON = r"""
import errno, fcntl, os, stat, struct, sys
machine, do, *rest = map(os.fsencode, sys.argv[1:])
read = 0x80000000 | struct.calcsize("l") << 16 | 0x6601
write = (read ^ 0xc0000000) + 1
if machine.startswith((b"ppc", b"mips", b"sparc", b"alpha", b"parisc")):
    read, write = write - 1, read + 1

def bits(path):
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        return file, struct.unpack("=I4x", fcntl.ioctl(file, read, bytes(8)))[0]
    except OSError:
        os.close(file)
        raise

def marks(value):
    return (b"i" if value & 16 else b"") + (b"a" if value & 32 else b"")

say = sys.stdout.buffer.write
if do == b"walk":
    todo = [(path, None) for path in rest]
    unread = []
    # A filesystem without such attributes has none to tell of.
    without = (errno.ENOENT, errno.ENOTTY, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
    while todo:
        path, device = todo.pop()
        try:
            found = os.lstat(path)
            directory = stat.S_ISDIR(found.st_mode)
            if not directory and not stat.S_ISREG(found.st_mode):
                continue
            try:
                file, value = bits(path)
                os.close(file)
                if value & 48:
                    say(b"kernel:" + marks(value) + b" " + path + b"\0")
            except OSError as error:
                if error.errno not in without:
                    raise
            if directory and device in (None, found.st_dev):
                todo += [(path.rstrip(b"/") + b"/" + name, found.st_dev) for name in os.listdir(path)]
        except OSError as error:
            if error.errno != errno.ENOENT:
                unread.append((path, error.strerror))
    if unread:
        say(b"unread %d %s: %s\0" % (len(unread), unread[0][0], unread[0][1].encode()))
    sys.exit()
path = rest.pop()
try:
    file, value = bits(path)
    # Another account may have put a link into the way: the kernel says what was opened.
    if os.readlink(b"/proc/self/fd/%d" % file) != path:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
except OSError as error:
    if do == b"get":
        say(b"gone")
        sys.exit()
    sys.exit("%r: %s" % (path, error.strerror))
if do == b"get":
    say(marks(value))
    sys.exit()
mask = (16 if b"i" in rest[0] else 0) | (32 if b"a" in rest[0] else 0)
try:
    fcntl.ioctl(file, write, struct.pack("=I4x", value & ~mask if do == b"-" else value | mask))
except OSError as error:
    sys.exit("%r: %s" % (path, error.strerror))
"""
_WAYS = r"""
fl_machine=$(uname -m 2>/dev/null)
fl_perl() { env -i PATH="$PATH" LC_ALL=C perl -e @perl@ "${fl_machine:-x}" "$@"; }
fl_python() { env -i PATH="$PATH" LC_ALL=C python3 -B -I -S -c @python@ "${fl_machine:-x}" "$@"; }
# Enters the directory of a path, where no link leads there and this account owns it; $fl_name is the rest.
fl_enter() {
    fl_folder=${1%/*} fl_name=./${1##*/}
    cd -P -- "${fl_folder:-/}" 2>/dev/null || return
    fl_here=$(readlink /proc/self/cwd 2>/dev/null || pwd -P)
    [ "$fl_here" = "${fl_folder:-/}" ] && [ -O . ] && return
    echo "$fl_folder: another account could exchange what lies there; perl or python3 would be safe from that" >&2
    return 1
}
fl_tools() {
    if [ "$1" != get ]; then (fl_enter "$3" && $fl_busybox chattr "$1$2" -- "$fl_name"); return; fi
    fl_seen=$(fl_enter "$2" 2>/dev/null && $fl_busybox lsattr -d -- "$fl_name" 2>/dev/null)
    fl_seen=${fl_seen%% *}
    [ "$fl_seen" ] || { printf gone; return; }
    case $fl_seen in *i*) printf i ;; esac
    case $fl_seen in *a*) printf a ;; esac
}
fl_there() { command -v "$1" >/dev/null 2>&1; }
fl_way= fl_lister= fl_busybox=
if fl_there lsattr; then fl_lister=lsattr
elif fl_there busybox && busybox lsattr -d / >/dev/null 2>&1; then fl_lister='busybox lsattr' fl_busybox=busybox; fi
if fl_there perl && fl_perl get / >/dev/null 2>&1; then fl_way=perl
elif fl_there python3 && fl_python get / >/dev/null 2>&1; then fl_way=python
elif [ "$fl_lister" ]; then fl_way=tools
else echo 'neither perl, python3 nor lsattr is installed: attributes cannot be looked at' >&2; exit 127; fi
fl() { "fl_$fl_way" "$@"; }
"""
_HELD = r"""
# Whether the kernel keeps the shell itself from writing (0), or not (1): no attribute and no tool is asked. 2: nobody
# can tell. Nothing is written, and nothing is opened where another account could put something else there.
held() (
    fl_enter "$1" 2>/dev/null || exit 2
    [ -w "$fl_name" ] || exit 0
    if [ -L "$fl_name" ] || [ ! -f "$fl_name" ]; then exit 2; fi
    fl_said=$( { : 1<>"$fl_name"; } 2>&1 )
    case $fl_said in *'not permitted'*) exit 0 ;; esac
    exit 1
)
"""


def ways() -> str:
    """Return the shell functions; `fl` uses the available tool, and without a tool the script exits with 127.

    `fl get PATH` prints `i`, `a`, `ia`, nothing, or `gone`; `fl - MARKS PATH` clears, `fl + MARKS PATH` sets.
    `fl_way` names the tool: `perl`, `python`, `tools`. `fl_lister` is the command for listings like lsattr(1), if
    present. `fl_perl walk PATH…`, or `fl_python`, prints `kernel:MARKS PATH` and a NUL for each path with a flag.
    """
    return _WAYS.replace("@perl@", quote(_PERL.strip())).replace("@python@", quote(_PYTHON.strip()))


def held() -> str:
    """Return the shell function `held PATH`: a test by the kernel's refusal of root's write, unforgeable by any tool.

    Status 0: refused; 1: not refused; 2: unknown. `ways` must come first. The test covers immutable and append-only
    files, and immutable directories with a shell able to ask the kernel (not busybox).
    """
    return _HELD
