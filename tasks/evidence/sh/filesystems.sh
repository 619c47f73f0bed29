# Sets $places to the mount points of local filesystems, each once: what a network or another program answers for
# could hang the walk, and /proc and its like hold no files (proc(5), mountinfo).
places=$(
    seen=' '
    while read -r _ _ device root point rest; do
        case " $rest" in *' - '*) type=" $rest" type=${type#* - } type=${type%% *} ;; *) continue ;; esac
        case $type in
            ext*|xfs|btrfs|bcachefs|f2fs|jfs|reiserfs|zfs|overlay|aufs|tmpfs|ramfs|devtmpfs|rootfs) ;;
            squashfs|erofs|iso9660|udf|vfat|exfat|ntfs3|nilfs2|minix|ubifs) ;;
            *) continue ;;
        esac
        case $point:$type:$seen in
            /proc/*|/sys/*|*" at:$point "*|*" $device$root "*) continue ;;
            *:btrfs:*) ;;
            *" $device/ "*) continue ;;
        esac
        seen="$seen$device$root at:$point "
        printf '%b\n' "$point"
    done </proc/self/mountinfo
)
