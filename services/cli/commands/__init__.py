"""One file per noun; each `register`s its commands."""
