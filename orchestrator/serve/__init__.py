"""The page: what `stopgap serve` shows in a browser, read from the journal, rendered on this machine.

`listening.listen` serves `app.application` on a Unix socket or on loopback; `guard.Guard` stands before every answer.
"""
