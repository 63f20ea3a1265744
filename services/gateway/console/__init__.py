"""The web console: pages for people, made of the same questions and commands as the API."""
