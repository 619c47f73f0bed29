# Sets $first, for archive: what changed after the package manager last wrote its record.
first='-ctime -1'
for record in /var/lib/dpkg/status /var/lib/rpm/rpmdb.sqlite /var/lib/rpm/Packages /lib/apk/db/installed; do
    if [ -f "$record" ]; then
        first="-cnewer $record"
        break
    fi
done
