# Archives programs that run and libraries that processes have mapped, where the record of dpkg or rpm does not name them.
needs readlink grep awk find tar || exit 127
in_use() {
    for process in /proc/[0-9]*; do readlink "$process/exe" 2>/dev/null; done
    grep -h ' ..x[ps] ' /proc/[0-9]*/maps 2>/dev/null | while read -r _ _ _ _ _ path; do printf '%s\n' "$path"; done
}
foreign() {
    if [ -d /var/lib/dpkg/info ]; then
        awk '
            FILENAME == "-" { if (/^\//) wanted[$0] = 1; next }
            { delete wanted[$0]; delete wanted["/usr" $0] }
            END { for (path in wanted) print path }
        ' - /var/lib/dpkg/info/*.list
    elif command -v rpm >/dev/null 2>&1; then
        awk '/^\// && !seen[$0]++' | while read -r path; do rpm -qf "$path" >/dev/null 2>&1 || printf '%s\n' "$path"; done
    else
        echo 'no record of dpkg or rpm' >&2
    fi
}
listed=$(in_use | foreign)
set --
IFS=$nl
set -f
for path in $listed; do
    if [ -f "$path" ] && [ ! -L "$path" ]; then set -- "$@" "$path"; fi
done
set +f
unset IFS
each=67108864 tests=
[ $# -eq 0 ] || archive "$@"
