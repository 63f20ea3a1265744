"""Policies in Rego: judged in a process of their own, and by one engine that only this folder imports.

Decides: whether a Rego policy grants, refuses or cannot be judged. Others need `question.py` and `pool.py`, no more.
"""
