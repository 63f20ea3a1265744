"""The gateway: the one door for people, pipelines and programs that speak HTTP.

- Decides: nothing but who somebody is. Every request becomes a message to the service that decides.
- Owns: access tokens, and which ID tokens of pipelines were exchanged, in the database `hallmark_gateway`.
- Hears: nothing durable. It reads facts through short-lived consumers for the live event stream.
- Says: every ask there is, in the name of whoever signed in.
"""
