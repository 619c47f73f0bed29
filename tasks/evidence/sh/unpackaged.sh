# Sets $first, for archive: what changed after the package manager last wrote its record.
first='-ctime -1' newer=-cnewer
find / -prune -cnewer / >/dev/null 2>&1 || newer=-newer
for record in /var/lib/dpkg/status /var/lib/rpm/rpmdb.sqlite /var/lib/rpm/Packages /lib/apk/db/installed; do
    if [ -f "$record" ]; then
        first="$newer $record"
        break
    fi
done
