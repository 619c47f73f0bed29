# Ends the reader when its time is over, and the time when the reader ends by itself.
{
    while kill -0 $reader; do sleep 1; done
    kill $time
} >/dev/null 2>&1 &
watch=$!
wait $time 2>/dev/null
kill -TERM $reader 2>/dev/null
wait $reader || s=$?
kill $watch 2>/dev/null
