# Sets $places to the directories that web servers show: the usual ones, and those their configuration names.
places=$(
    IFS=$nl seen=
    for root in $(
        printf '%s\n' /var/www /srv/www /srv/http /usr/share/nginx/html /home/*/public_html /home/*/www /home/*/htdocs
        { find /etc/apache2 /etc/httpd /etc/nginx /etc/lighttpd -type f -size -1000k -exec sed -n \
            -e 's/^[[:space:]]*[Dd]ocument[Rr]oot[[:space:]]\{1,\}"\{0,1\}\(\/[^"]*[^"[:space:]]\).*/\1/p' \
            -e 's/^[[:space:]]*root[[:space:]]\{1,\}"\{0,1\}\(\/[^";]*\).*/\1/p' \
            -e 's/^server.document-root[[:space:]]*=[[:space:]]*"\(\/[^"]*\)".*/\1/p' {} + 2>&1 >&5 5>&- | lost; } 5>&1
    ); do
        root=${root%/}
        [ -n "$root" ] && present "$root" && [ -d "$root" ] || continue
        for known in $seen; do
            case $root/ in "$known"/*) continue 2 ;; esac
        done
        seen=$seen$root$nl
        printf '%s\n' "$root"
    done
)
