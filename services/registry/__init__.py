"""The registry: what exists, and where each version stands.

Decides: which projects, lifecycles, applications and versions there are; whether a version may move (is it where the
    promotion saw it, is the verdict still fresh); what the run of a pipeline may do.
Owns: `hallmark_registry`: projects, lifecycles, applications, packages, artifacts, versions, standings.
Hears: asks to apply, create and show; `tell version.move` from the promotion saga; CDEvents from pipelines.
Says: project, lifecycle and application applied; artifact published; version created, moved; move refused; incidents.
"""
