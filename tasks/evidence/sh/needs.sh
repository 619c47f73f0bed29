# Says what an artifact cannot be looked at without. Its exit status is 127 then, and findings say why they did not look.
needs() {
    for tool; do
        command -v "$tool" >/dev/null 2>&1 && continue
        printf 'not installed: %s\n' "$tool" >&2
        s=127
        return 127
    done
}
