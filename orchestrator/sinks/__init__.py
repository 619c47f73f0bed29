"""Sinks: where events go beside the terminal. Syslog, a file, webhooks, chat and pagers, Prometheus, plug-ins.

A sink has its events from the journal, from a place of its own on, in a thread of its own: a sink that hangs or fails
holds no run up, and what it did not take waits on disk for the next time.
"""
