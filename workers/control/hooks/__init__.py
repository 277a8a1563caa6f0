"""The sender of webhooks. It is in control, and not in a process of its own: it needs what control has (the
configuration, the API beside it, nothing of the media path), and with its spool on disk and its workers'
patience it loses nothing when control dies; a second process would only cost its memory.
"""
