# Prints the digests of what packages brought, as dpkg recorded them (MD5: of files, and of configuration when
# installed), or as rpm did (SHA-256, or what was usual when the package was built; `named` without one).
needs find grep awk || exit 127
if [ -d /var/lib/dpkg/info ]; then
    { find /var/lib/dpkg/info -name '*.md5sums' \
        -exec grep -h -v ' usr/share/\(doc\|man\|locale\|info\|lintian\)/' {} + 2>&1 >&5 5>&- | lost; } 5>&1
    [ ! -f /var/lib/dpkg/status ] || awk '/^ \/[^ ]+ [0-9a-f]+/ && length($2) == 32 { print $2 "  " substr($1, 2) }' /var/lib/dpkg/status || s=$?
elif [ -d /var/lib/rpm ] || [ -d /usr/lib/sysimage/rpm ]; then
    needs rpm || exit 127
    # What has no digest (links, directories, what a package makes when it is installed) is named all the same.
    rpm -qa --qf '[%{FILEDIGESTS}  %{FILENAMES}\n]' | awk '
        $1 ~ /^[0-9a-f]+$/ && $2 !~ "^/usr/share/(doc|man|locale|info)/"
        /^ *\// && $1 !~ "^/usr/share/(doc|man|locale|info)/" { sub(/^ */, ""); print "named  " $0 }' || s=$?
else
    echo 'no record of dpkg or rpm' >&2
fi
