# Prints strings that end with NUL, one a line behind the file's name; a newline in one becomes a vertical tab.
strings() {
    needs tr || return
    closed=0
    for file; do
        line=
        if [ -e "$file" ] && [ ! -r "$file" ]; then closed=$((closed + 1)); continue; fi
        { IFS= read -r line <"$file"; } 2>/dev/null
        [ -n "$line" ] || continue
        tr '\0\n' '\n\013' 2>/dev/null <"$file" | while IFS= read -r line || [ -n "$line" ]; do
            printf '%s:%s\n' "$file" "$line"
        done
    done
    [ "$closed" = 0 ] || printf '%s could not be read\n' "$closed" >&2
}
