"""The `hallmark` command: decides nothing, owns nothing; a client of the gateway, and the way to run a local stack.

Kept free of the message broker and the database driver, so that it starts in a moment. Exit codes are in `exits.py`.
"""
