"""Whether a release is still good: advisories, exploitation, live trust, deadlines and delivery metrics.

decides  the trust of every release (`trusted`, `at_risk`, `revoked`), with causes and deadlines; what somebody has to
         deal with (alerts)
owns     advisories, what is known about exploitation, the index of released components, releases, delivery facts
         (database `hallmark_monitoring`)
hears    version.created, application.applied, version.moved, incident.opened, incident.resolved (registry);
         record.added (evidence); release.trusted, promotion.completed, promotion.ended (promotion)
says     trust.changed, exploitation.learned, alert.opened, alert.changed, alert.closed
asks     component.list (evidence)
"""
