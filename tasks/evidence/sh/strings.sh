# Prints strings that end with NUL, one a line behind the file's name; a newline in one becomes a vertical tab.
strings() {
    needs tr || return
    for file; do
        line=
        { IFS= read -r line <"$file"; } 2>/dev/null
        [ -n "$line" ] || continue
        tr '\0\n' '\n\013' 2>/dev/null <"$file" | while IFS= read -r line || [ -n "$line" ]; do
            printf '%s:%s\n' "$file" "$line"
        done
    done
}
