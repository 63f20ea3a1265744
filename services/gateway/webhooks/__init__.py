"""Webhooks: facts sent by HTTP to whoever asked for them. Who may be reached, what is sent, when it is tried again."""
