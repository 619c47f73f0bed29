# Lists files that carry capabilities (getcap(8)); names that hold a newline could forge a line, and are left out.
command -v getcap >/dev/null 2>&1 || { echo 'not installed: getcap' >&2; exit 127; }
find "$@" -xdev -type f ! -path "*$nl*" -exec getcap -- {} + 2>/dev/null
