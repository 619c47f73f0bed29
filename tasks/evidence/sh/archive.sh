# Streams files as a tar archive: directories, links, and regular files that take less than $each bytes on disk;
# larger ones are named on standard error. No FIFO, socket or device is opened.
# Holes stay holes. Access times stay as they were for root; another account may not ask for that but of its own files
# (O_NOATIME, open(2)), and tar would leave out all others.
# What meets $first comes first, in case the archive is cut at its cap. $tests and $first are find(1)'s words.
archive() {
    [ $# -gt 0 ] || { echo 'there is none' >&2; return 0; }
    needs find tar || return
    cd / && set -f || return
    for place; do
        shift
        set -- "$@" ".${place%/}"
    done
    know_tar
    chosen "$@" | packed || s=$?
}
# What this tar can do shows in what it makes of no files at all.
know_tar() {
    options='--create --file=- --format=gnu --sparse --numeric-owner --no-recursion --null --no-unquote' holes= times=
    if tar $options --atime-preserve=system --files-from=/dev/null >/dev/null 2>&1; then
        holes=kept
        case $(id -u 2>/dev/null) in
            ''|0) times=--atime-preserve=system ;;
            *) echo 'not root: access times change, and what others keep to themselves is missing' >&2 ;;
        esac
    else
        echo 'no GNU tar: access times change, files with holes count in full, archives follow one another' >&2
    fi
}
# Streams the files that standard input names, each name ended by NUL.
packed() { if [ "$holes" ]; then tar $options $times --files-from=-; else xargs -0 -r -n 500 tar -c -f -; fi; }
chosen() { { found "$@" 2>&1 >&5 5>&- | lost; } 5>&1; }
found() {
    find "$@" -xdev $tests $first \( -type l -o -type f -size "-${each}c" \) -print0
    find "$@" -xdev $tests ! $first \( -type l -o -type f -size "-${each}c" \) -print0
    find "$@" -xdev $tests -type f ! -size "-${each}c" -exec sh -c '
        each=$1 holes=$2
        shift 2
        for file; do
            taken=$(stat -c "%b * %B" -- "$file" 2>/dev/null) || taken=$each
            [ "$holes" ] || taken=$each
            if [ $(($taken)) -lt "$each" ]; then printf "%s\0" "$file"
            else printf "left out, too large: %s\n" "$file" >&2; fi
        done' sh "$each" "$holes" {} +
}
