# Prints each line of the files behind that file's name, so that no content can pass for another file's.
# Nothing but the shell reads; what is no regular file is not opened, what is not there is passed over.
# A setting of the kernel has to be read in one piece, which a shell does not promise.
show() {
    for file; do
        present "$file" || continue
        if [ ! -f "$file" ] || [ ! -r "$file" ]; then
            printf '%s: cannot be read\n' "$file" >&2
            s=1
            continue
        fi
        case $file in
            /proc/sys/*) printf '%s\n' "$(cat "$file")" | behind ;;
            *) { behind <"$file"; } 2>/dev/null ;;
        esac
    done
}
# Bash keeps the variable of a read that fails, as where a process ends while its file is read.
behind() {
    line=
    while IFS= read -r line || [ -n "$line" ]; do
        printf '%s:%s\n' "$file" "$line"
        line=
    done
}
