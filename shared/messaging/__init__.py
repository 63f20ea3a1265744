"""Messages in and out, so that nothing acknowledged is lost and nothing counts twice.

A message becomes: inbox mark, change of state and outgoing messages in one MongoDB transaction; then an ack. The relay
publishes what was committed. Everything between a NATS message and a handler's paragraph is in this package.
"""
