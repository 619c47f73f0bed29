# Prints the MD5 and SHA-256 of kernels and initial RAM disks.
needs md5sum sha256sum || exit 127
for path in /boot/vmlinu* /boot/initr* /boot/System.map-* /boot/*/vmlinu* /boot/efi/EFI/*/*.efi; do
    [ -f "$path" ] && [ ! -L "$path" ] || continue
    md5=$(md5sum <"$path") && sha256=$(sha256sum <"$path") || { s=$?; continue; }
    printf '%s %s %s\n' "${md5%% *}" "${sha256%% *}" "$path"
done
