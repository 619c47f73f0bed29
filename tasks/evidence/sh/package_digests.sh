# Prints the digests of what packages brought, as dpkg recorded them: of files, and of configuration when installed.
needs find grep awk || exit 127
if [ -d /var/lib/dpkg/info ]; then
    find /var/lib/dpkg/info -name '*.md5sums' \
        -exec grep -h -v ' usr/share/\(doc\|man\|locale\|info\|lintian\)/' {} + 2>/dev/null
    [ ! -f /var/lib/dpkg/status ] || awk '/^ \/[^ ]+ [0-9a-f]+/ && length($2) == 32 { print $2 "  " substr($1, 2) }' /var/lib/dpkg/status || s=$?
else
    echo 'no record of dpkg' >&2
fi
