"""OpenTelemetry for the process: spans go to an OTLP collector over HTTP."""

from functools import cache

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from temporalio.contrib.opentelemetry import create_tracer_provider

SPAN_FLUSH_MS = 5_000


@cache
def install_tracer_provider(endpoint: str) -> None:
    """Install the replay-safe tracer provider the Temporal plugin requires; later calls change nothing."""
    provider = create_tracer_provider(resource=Resource.create({"service.name": "ridgeline"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)


def flush_traces() -> None:
    """Hand the last spans to the collector; a process that leaves through `clean_exit` would lose them."""
    provider = trace.get_tracer_provider()
    flush = getattr(provider, "force_flush", None)
    if flush is not None:
        flush(SPAN_FLUSH_MS)
