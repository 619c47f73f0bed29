# Runs the first of these command lines that is installed, and says which. Their words hold no blanks.
run() {
    for command; do
        command -v "${command%% *}" >/dev/null 2>&1 || continue
        printf '$ %s\n' "$command"
        $command || s=$?
        return 0
    done
    printf 'not installed: %s\n' "${command%% *}" >&2
    [ "$missing" = 0 ] || s=$missing
}
