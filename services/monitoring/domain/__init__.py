"""The rules of monitoring: pure functions over values, with time and ids as arguments."""
