# Lists files that carry capabilities (getcap(8)); names that hold a newline could forge a line, and are left out.
needs getcap find || exit 127
{ find "$@" -xdev -type f ! -path "*$nl*" -exec getcap -- {} + 2>&1 >&5 5>&- | lost; } 5>&1
