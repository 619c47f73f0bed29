# Archives files, as archive does, but for those that a package brought and that have not changed since, by the inode's
# change (ctime) beside that of the package's list of files; configuration of packages is left to other artifacts.
# A name that holds a newline is taken in any case.
unexplained() {
    [ $# -gt 0 ] || { echo 'there is none' >&2; return 0; }
    needs find tar stat awk tr || return
    cd / && set -f || return
    for place; do
        shift
        set -- "$@" ".${place%/}"
    done
    know_tar
    { changed "$@" 2>&1 >&5 5>&- | lost; } 5>&1 | packed || s=$?
}
changed() {
    {
        recorded
        find "$@" -xdev -type f $tests -size "-${each}c" ! -path "*$nl*" -exec stat -c '%Z %n' -- {} +
    } | awk -v since="$(stat -c %Z "${record:-/}" 2>/dev/null)" '
        function merged(name) {
            return name ~ /^\/usr\/(lib|lib32|lib64|libx32|bin|sbin)\// ? substr(name, 5) : name
        }
        function note(name) {
            name = merged(name)
            if (!(name in known) || known[name] < time) known[name] = time
        }
        { time = $1; path = substr($0, length($1) + 2) }
        # What packages recorded: of dpkg a list of names, of rpm a name.
        time ~ /^=/ {
            time = substr(time, 2) + 120
            if (path ~ /^\/var\/lib\/dpkg\/info\//) {
                while ((getline name < path) > 0) note(name)
                close(path)
            } else note(path)
            next
        }
        {
            name = merged(substr(path, 2))
            if (name in known && (time <= known[name] || name ~ /^\/etc\//)) next
            # What changed after the package manager last wrote its record comes first.
            if (time > since + 0) print path
            else left[++count] = path
        }
        END { for (i = 1; i <= count; i++) print left[i] }' | tr '\n' '\0'
    find "$@" -xdev -type f $tests -size "-${each}c" -path "*$nl*" -print0
}
recorded() {
    if [ -d /var/lib/dpkg/info ]; then
        find /var/lib/dpkg/info -name '*.list' -exec stat -c '=%Z %n' -- {} +
    elif command -v rpm >/dev/null 2>&1; then
        rpm -qa --qf '[=%{=INSTALLTIME} %{FILENAMES}\n]'
    fi
}
