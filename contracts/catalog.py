"""Every message, listed once, found by its subject."""

from __future__ import annotations

from contracts.any.v1 import dead_letters
from contracts.evidence.v1 import commands as evidence_commands
from contracts.evidence.v1 import events as evidence_events
from contracts.evidence.v1 import log as evidence_log
from contracts.evidence.v1 import queries as evidence_queries
from contracts.gate.v1 import commands as gate_commands
from contracts.gate.v1 import events as gate_events
from contracts.gate.v1 import queries as gate_queries
from contracts.gate.v1 import rejudging as gate_rejudging
from contracts.gate.v1 import replays as gate_replays
from contracts.gate.v1 import templates as gate_templates
from contracts.gate.v1 import waivers as gate_waivers
from contracts.gateway.v1 import events as gateway_events
from contracts.message import DeadLetter, Message
from contracts.monitoring.v1 import alerts as monitoring_alerts
from contracts.monitoring.v1 import cdevents as monitoring_cdevents
from contracts.monitoring.v1 import commands as monitoring_commands
from contracts.monitoring.v1 import events as monitoring_events
from contracts.monitoring.v1 import exploitation as monitoring_exploitation
from contracts.monitoring.v1 import exposure as monitoring_exposure
from contracts.monitoring.v1 import feeds as monitoring_feeds
from contracts.monitoring.v1 import metrics as monitoring_metrics
from contracts.monitoring.v1 import outlook as monitoring_outlook
from contracts.monitoring.v1 import queries as monitoring_queries
from contracts.monitoring.v1 import rematching as monitoring_rematching
from contracts.monitoring.v1 import running as monitoring_running
from contracts.monitoring.v1 import sla as monitoring_sla
from contracts.monitoring.v1 import surveys as monitoring_surveys
from contracts.monitoring.v1 import undecided as monitoring_undecided
from contracts.promotion.v1 import cdevents as promotion_cdevents
from contracts.promotion.v1 import commands as promotion_commands
from contracts.promotion.v1 import events as promotion_events
from contracts.promotion.v1 import freezes as promotion_freezes
from contracts.promotion.v1 import queries as promotion_queries
from contracts.promotion.v1 import surveys as promotion_surveys
from contracts.promotion.v1 import trains as promotion_trains
from contracts.registry.v1 import commands as registry_commands
from contracts.registry.v1 import deliveries as registry_deliveries
from contracts.registry.v1 import drafts as registry_drafts
from contracts.registry.v1 import events as registry_events
from contracts.registry.v1 import intake as registry_intake
from contracts.registry.v1 import pipelines as registry_pipelines
from contracts.registry.v1 import queries as registry_queries
from contracts.registry.v1 import surveys as registry_surveys

MESSAGES: tuple[type[Message], ...] = (
    dead_letters.ListDeadLetters,
    dead_letters.ShowDeadLetter,
    dead_letters.ReplayDeadLetter,
    dead_letters.DropDeadLetter,
    registry_commands.ApplyProject,
    registry_commands.ApplyLifecycle,
    registry_commands.ApplyApplication,
    registry_commands.CreateVersion,
    registry_commands.MoveVersion,
    registry_commands.MoveVersionsTogether,
    registry_drafts.AmendVersion,
    registry_drafts.SealVersion,
    registry_drafts.VersionDrafted,
    registry_drafts.VersionSealed,
    registry_queries.ListProjects,
    registry_queries.ShowProject,
    registry_queries.ListApplications,
    registry_queries.ShowApplication,
    registry_queries.ListVersions,
    registry_queries.ShowVersion,
    registry_surveys.SurveyApplications,
    registry_events.ProjectApplied,
    registry_events.LifecycleApplied,
    registry_events.ApplicationApplied,
    registry_events.ArtifactPublished,
    registry_events.VersionCreated,
    registry_events.VersionMoved,
    registry_events.MoveRefused,
    registry_events.StandingChanged,
    registry_events.IncidentOpened,
    registry_events.IncidentResolved,
    registry_intake.PipelineEvent,
    registry_intake.RecordPipelineEvent,
    registry_deliveries.DeploymentRecorded,
    registry_deliveries.TestsFinished,
    registry_deliveries.ChangeMerged,
    registry_deliveries.PackageBound,
    registry_deliveries.ListDeployments,
    registry_pipelines.ApplyPipelineIdentity,
    registry_pipelines.WithdrawPipelineIdentity,
    registry_pipelines.ShowPipelineIdentity,
    registry_pipelines.ListPipelineIdentities,
    registry_pipelines.ResolvePipeline,
    registry_pipelines.PipelineIdentityApplied,
    registry_pipelines.PipelineIdentityWithdrawn,
    evidence_commands.ApplyTrustRoot,
    evidence_commands.SubmitEvidence,
    evidence_commands.SubmitEvidenceBatch,
    evidence_commands.EvidencePublished,
    evidence_commands.RecordApproval,
    evidence_commands.RecordBrokenGlass,
    evidence_commands.AttestPassage,
    evidence_commands.WithdrawPassage,
    evidence_queries.ListEvidence,
    evidence_queries.ShowEvidence,
    evidence_queries.ReadPositions,
    evidence_queries.ListComponents,
    evidence_queries.ListTrustRoots,
    evidence_queries.ListAttestations,
    evidence_queries.ReadCheckpoint,
    evidence_queries.ProveInclusion,
    evidence_queries.ProveConsistency,
    evidence_queries.ListLogEntries,
    evidence_queries.ReadSigningKeys,
    evidence_log.RotateSigningKey,
    evidence_log.RegisterWitness,
    evidence_log.RetireWitness,
    evidence_log.ListWitnesses,
    evidence_log.SubmitCosignature,
    evidence_log.ListCheckpoints,
    evidence_log.InspectLog,
    evidence_log.RecordRoleChange,
    evidence_events.EvidenceAdded,
    evidence_events.EvidenceRejudged,
    evidence_events.TrustRootApplied,
    evidence_events.PassageAttested,
    evidence_events.PassageWithdrawn,
    gate_commands.ApplyPolicy,
    gate_commands.EvaluateGates,
    gate_queries.ListPolicies,
    gate_queries.ListSharedPolicies,
    gate_queries.ShowPolicy,
    gate_queries.ListPolicyRevisions,
    gate_queries.ShowVerdict,
    gate_queries.ListVerdicts,
    gate_queries.ConfirmVerdict,
    gate_queries.JudgeGates,
    gate_queries.ListVerdictKeys,
    gate_templates.ApplyTemplate,
    gate_templates.ShowTemplate,
    gate_templates.ListTemplates,
    gate_replays.ReplayVerdict,
    gate_replays.SimulatePolicy,
    gate_waivers.RequestWaiver,
    gate_waivers.DecideWaiver,
    gate_waivers.RevokeWaiver,
    gate_waivers.ShowWaiver,
    gate_waivers.ListWaivers,
    gate_waivers.ListWaiverRequests,
    gate_waivers.ListStandingWaivers,
    gate_waivers.WaiverRequested,
    gate_waivers.WaiverGranted,
    gate_waivers.WaiverRefused,
    gate_waivers.WaiverEnded,
    gate_events.PolicyApplied,
    gate_events.VerdictIssued,
    gate_events.ReadinessChanged,
    gate_events.SigningKeyAnnounced,
    gate_rejudging.ReleaseRejudged,
    promotion_commands.RequestPromotion,
    promotion_commands.CancelPromotion,
    promotion_commands.DecideApproval,
    promotion_trains.RequestTrain,
    promotion_trains.ShowTrain,
    promotion_freezes.ApplyFreeze,
    promotion_freezes.ListFreezes,
    promotion_freezes.BreakGlass,
    promotion_freezes.FreezeApplied,
    promotion_freezes.GlassBroken,
    promotion_queries.ShowPromotion,
    promotion_queries.ListPromotions,
    promotion_queries.ListApprovals,
    promotion_queries.ShowReadiness,
    promotion_surveys.SurveyPromotions,
    promotion_events.PromotionRequested,
    promotion_events.PromotionAdvanced,
    promotion_events.ApprovalDecided,
    promotion_events.ApprovalWithdrawn,
    promotion_events.PromotionCompleted,
    promotion_events.PromotionEnded,
    promotion_events.ReleaseTrusted,
    promotion_cdevents.CdeventPublished,
    monitoring_commands.ImportAdvisories,
    monitoring_commands.RevokeRelease,
    monitoring_feeds.BeginAdvisoryImport,
    monitoring_feeds.FinishAdvisoryImport,
    monitoring_feeds.ListAdvisoryImports,
    monitoring_feeds.QuarantineAdvisories,
    monitoring_feeds.ListQuarantinedAdvisories,
    monitoring_exploitation.ImportExploitation,
    monitoring_exploitation.FinishExploitationImport,
    monitoring_exploitation.ListExploitation,
    monitoring_rematching.RequestRematch,
    monitoring_rematching.ShowRematch,
    monitoring_undecided.ListUndecided,
    monitoring_queries.ListRisk,
    monitoring_outlook.SurveyRisk,
    monitoring_outlook.ShowRiskOutlook,
    monitoring_queries.ShowTrust,
    monitoring_queries.ShowMetrics,
    monitoring_surveys.SurveyTrust,
    monitoring_surveys.LookUpTrust,
    monitoring_exposure.ShowExposure,
    monitoring_exposure.PlanRemediation,
    monitoring_running.ListRunning,
    monitoring_running.ListDrift,
    monitoring_running.DriftFound,
    monitoring_running.DriftGone,
    monitoring_metrics.ShowDelivery,
    monitoring_metrics.ShowFlow,
    monitoring_metrics.ShowCoverage,
    monitoring_alerts.ListAlerts,
    monitoring_alerts.ShowAlert,
    monitoring_alerts.AcknowledgeAlert,
    monitoring_alerts.SnoozeAlert,
    monitoring_alerts.AssignAlert,
    monitoring_alerts.AlertOpened,
    monitoring_alerts.AlertChanged,
    monitoring_alerts.AlertClosed,
    monitoring_sla.ApplySlaTable,
    monitoring_sla.ShowSlaTable,
    monitoring_sla.ListSlaTables,
    monitoring_events.TrustChanged,
    monitoring_cdevents.TrustCdeventPublished,
    monitoring_exploitation.ExploitationLearned,
    gateway_events.WebhookChanged,
    DeadLetter,
)

BY_SUBJECT: dict[str, type[Message]] = {message.subject: message for message in MESSAGES}
