# Prints each setting behind its path; the two that are skipped only write, or take long to answer.
needs find grep || exit 127
{ find /proc/sys -type f ! -name compact_memory ! -name drop_caches ! -name stat_refresh ! -path '*/route/flush' \
    -exec grep -H '' {} + 2>&1 >&5 5>&- | lost; } 5>&1
