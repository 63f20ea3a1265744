"""OpenTelemetry, when asked for. Traces cross services in the `traceparent` header, through the outbox too."""

from __future__ import annotations

from typing import Any

from opentelemetry import propagate, trace

from shared.errors import Invalid
from shared.settings import ServiceSettings


def current_traceparent() -> str | None:
    """The W3C trace context of the span at hand; None when nothing is traced."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


def tracing_middlewares(settings: ServiceSettings) -> list[Any]:
    """FastStream's tracing middleware, when an endpoint is configured; it halves throughput, so nothing else adds it.

    Raises `Invalid` when the exporter package is missing.
    """
    if not settings.otel_endpoint:
        return []
    from faststream.nats.opentelemetry import NatsTelemetryMiddleware  # noqa: PLC0415 - only when asked for
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
    except ImportError as error:
        raise Invalid(
            "otel_exporter_missing",
            "HALLMARK_OTEL_ENDPOINT is set, but the exporter package is not installed.",
            remedy="Install opentelemetry-exporter-otlp-proto-http, or unset HALLMARK_OTEL_ENDPOINT.",
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": f"hallmark-{settings.service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otel_endpoint)))
    trace.set_tracer_provider(provider)
    return [NatsTelemetryMiddleware(tracer_provider=provider)]
