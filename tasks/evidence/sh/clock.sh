# Prints the seconds since the epoch first, with a fraction where date(1) knows it.
now=$(date -u '+%s.%N')
case ${now#*.} in ''|*[!0-9]*) now=${now%%.*} ;; esac
printf '%s %s\n' "$now" "$(date -u '+%Y-%m-%dT%H:%M:%SZ')"
