public import MillraceHandler

struct HelloHandler: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        context.log("hello, \(message.bodyText ?? "\(message.byteCount) octets")")
        return .ack
    }
}

private let plugin = MillracePlugin(name: "minimal", [.sync("minimal.hello", HelloHandler.self)])

/// The one symbol of the plugin.
@c(millrace_plugin)
public func millracePlugin() -> PluginDescriptor { plugin.descriptor }
