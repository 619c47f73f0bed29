# Streams the memory of $guest to standard output, through a pipe in RAM that libvirt takes for a file.
place=$(mktemp -d /run/stopgap-memory.XXXXXX) || exit 1
pipe=$place/memory
trap 'rm -rf "$place"' EXIT
mkfifo -m 600 "$pipe" || exit 1
{
    virsh -q dump --memory-only --live "$guest" "$pipe" >&2
    echo $? >"$place/status"
    # Where virsh never opened the pipe, this ends the reader.
    : >"$pipe"
} &
writer=$!
cat "$pipe"
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ ! -s "$place/status" ] || break
    sleep 1
done
read -r s <"$place/status" || s=1
kill $writer 2>/dev/null
