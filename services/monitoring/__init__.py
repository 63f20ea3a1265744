"""Whether a release is still good: advisories, exploitation, live trust, deadlines and delivery metrics.

decides  the trust of every release (`trusted`, `at_risk`, `revoked`), with causes and deadlines; what to fix first;
         what runs that should not; what somebody has to deal with (alerts)
owns     advisories, what is known about exploitation, the index of components, versions and what they consist of,
         releases, what runs where, waivers, delivery facts, sums of metrics (database `hallmark_monitoring`)
hears    version.created, application.applied, version.moved, standing.changed, lifecycle.applied, deployment.recorded,
         incident.opened, incident.resolved (registry); record.added, record.rejudged (evidence); release.trusted,
         promotion.requested, promotion.advanced, promotion.completed, promotion.ended (promotion);
         verdict.issued, release.rejudged, waiver.requested, waiver.granted, waiver.refused, waiver.ended (gate)
says     trust.changed, exploitation.learned, drift.found, drift.gone, alert.opened, alert.changed,
         alert.closed
asks     component.list (evidence)
"""
