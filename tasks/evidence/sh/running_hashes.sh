# Prints the MD5 and SHA-256 of each program that runs, once for each file, read through /proc, deleted ones too.
needs readlink stat md5sum sha256sum || exit 127
seen=' '
for process in /proc/[0-9]*; do
    path=$(readlink "$process/exe" 2>/dev/null) || continue
    file=$(stat -L -c '%d:%i' "$process/exe" 2>/dev/null) || continue
    case $seen in *" $file "*) continue ;; esac
    seen="$seen$file "
    md5=$(md5sum <"$process/exe" 2>/dev/null) || continue
    sha256=$(sha256sum <"$process/exe" 2>/dev/null) || continue
    case $path in *"$nl"*) path=$(printf '%s' "$path" | tr '\n' '?') ;; esac
    printf '%s/exe:%s %s %s\n' "$process" "${md5%% *}" "${sha256%% *}" "$path"
done
