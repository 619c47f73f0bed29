# Prints every memory mapping behind the path of its process (proc(5), maps).
command -v grep >/dev/null 2>&1 || { echo 'not installed: grep' >&2; exit 127; }
grep -H '' /proc/[0-9]*/maps 2>/dev/null
