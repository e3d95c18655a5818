public import MillraceHandler

private let plugin = MillracePlugin(
    name: "examples",
    [
        .sync("examples.access_log", AccessLogHandler.self),
        .sync("examples.order", OrderHandler.self),
        .async("examples.checksum", ChecksumHandler.self),
        .batch("examples.ledger", LedgerHandler.self).wrapped(in: [LoggingMiddleware()]),
        .sync("examples.shipment", ShipmentHandler.self).wrapped(in: [TracingMiddleware(), LoggingMiddleware()]),
        .sync("bench.touch", TouchHandler.self),
        .sync("bench.witness", WitnessHandler.self),
        .async("bench.witness_async", AsyncWitnessHandler.self),
        .batch("bench.witness_batch", WitnessBatchHandler.self),
        .sync("examples.fragile", FragileHandler.self),
        .async("examples.fragile_async", AsyncFragileHandler.self),
        .async("examples.errand", ErrandHandler.self),
    ]
)

/// The one symbol of the plugin.
@c(millrace_plugin)
public func millracePlugin() -> PluginDescriptor { plugin.descriptor }
