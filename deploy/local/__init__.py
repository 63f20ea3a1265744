"""The local stack: real NATS and MongoDB servers and every service as child processes, without Docker.

Where to look
- `options.py`     what a stack consists of: the caller's input
- `stack.py`       `run_stack`, `running_stack`: everything, up and down
- `servers.py`     `running_servers`: only NATS and MongoDB
- `supervisor.py`  readiness, restarts, stopping
- `launcher.py`    the one process that is the parent of everything else
- `state.py`       the lock, `state.json`, `down`
- `table.py`       what a person sees

Only `mongod.py` talks to MongoDB, and nothing here knows what a service does.
"""
