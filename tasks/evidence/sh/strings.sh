# Prints strings that end with NUL, one a line behind the file's name; a newline in one becomes a vertical tab.
# One grep(1) reads them all where it knows such strings; elsewhere the shell reads each file.
strings() {
    needs tr awk || return
    closed=0 parted=
    [ "$(printf 'a\nb\0c\0' | LC_ALL=C grep -a -z -c '' 2>/dev/null)" = 2 ] && parted=yes
    for file; do
        if [ -e "$file" ] && [ ! -r "$file" ]; then closed=$((closed + 1)); continue; fi
        [ -z "$parted" ] || continue
        line=
        { IFS= read -r line <"$file"; } 2>/dev/null
        [ -n "$line" ] || continue
        tr '\0\n' '\n\013' 2>/dev/null <"$file" | while IFS= read -r line || [ -n "$line" ]; do
            printf '%s:%s\n' "$file" "$line"
            line=
        done
    done
    # Of empty strings in a row, with which many a program overwrites what it was given, one is told.
    if [ "$parted" ] && [ $# -gt 0 ]; then
        LC_ALL=C grep -a -s -z -H '' -- "$@" | tr '\0\n' '\n\013' |
            LC_ALL=C awk '$0 != last || !/^[^:]*:$/ { print } { last = $0 }'
    fi
    [ "$closed" = 0 ] || printf '%s could not be read\n' "$closed" >&2
}
