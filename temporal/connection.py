"""The only way to make a Temporal client."""

from typing import TYPE_CHECKING

from temporalio.client import Client, Plugin
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

if TYPE_CHECKING:
    from config.settings import Settings


async def connect(settings: "Settings", *, lazy: bool = False) -> Client:
    """A client with the Pydantic converter, tracing when `OTEL_EXPORTER_OTLP_ENDPOINT` is set, and the SDK's
    Prometheus endpoint when `METRICS_PORT` is.

    With `lazy` the first call connects, so that a service can start before the server is there.
    """
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        data_converter=pydantic_data_converter,
        runtime=_runtime(settings.metrics_port),
        plugins=_plugins(settings),
        lazy=lazy,
    )


def _runtime(metrics_port: int | None) -> Runtime:
    if metrics_port is None:
        return Runtime.default()
    metrics = PrometheusConfig(
        bind_address=f"127.0.0.1:{metrics_port}",
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
    )
    return Runtime(telemetry=TelemetryConfig(metrics=metrics))


def _plugins(settings: "Settings") -> list[Plugin]:
    if settings.otel_exporter_otlp_endpoint is None:
        return []
    from temporalio.contrib.opentelemetry import OpenTelemetryPlugin

    from temporal.tracing import install_tracer_provider

    install_tracer_provider(settings.otel_exporter_otlp_endpoint)
    return [OpenTelemetryPlugin(add_temporal_spans=True)]
