# Sets $places to the directories in which containers keep what they changed of their images, and to their volumes.
# Upper directories are those that are mounted now, and those that Docker and Podman note on disk of containers that are
# stopped; no runtime is asked.
uppers() {
    needs sed tr || return
    sed -n 's/^[^ ]* [^ ]* [^ ]* [^ ]* \/[^ ].* - overlay .*[ ,]upperdir=\([^, ]*\).*/\1/p' /proc/self/mountinfo
    for noted in /var/lib/docker/image/*/layerdb/mounts/*/mount-id; do
        layer=
        [ ! -f "$noted" ] || read -r layer <"$noted"
        [ -z "$layer" ] || printf '%s\n' "/var/lib/docker/overlay2/$layer/diff"
    done
    for store in /var/lib/containers/storage /home/*/.local/share/containers/storage /root/.local/share/containers/storage; do
        [ -f "$store/overlay-containers/containers.json" ] || continue
        tr ',{' '\n\n' <"$store/overlay-containers/containers.json" |
            sed -n "s#.*\"layer\": *\"\([0-9a-f]\{64\}\)\".*#$store/overlay/\1/diff#p"
        printf '%s\n' "$store"/volumes/*/_data
    done
    printf '%s\n' /var/lib/docker/volumes/*/_data /var/lib/kubelet/pods/*/volumes
}
places=$(
    IFS=$nl seen=$nl
    for place in $(uppers); do
        case $seen in *"$nl$place$nl"*) continue ;; esac
        seen=$seen$place$nl
        if [ -d "$place" ]; then printf '%s\n' "$place"; fi
    done
)
