public import MillraceHandler

struct Greeting: SyncJobHandler {
    init(_ options: HandlerOptions) {}

    func handle(_ message: borrowing Message, _ context: JobContext) -> Outcome {
        message.byteCount > 0 ? .ack : .reject("nobody to greet")
    }
}

private let plugin = MillracePlugin(name: "minimal", [.sync("minimal.greeting", Greeting.self)])

/// The one symbol of the plugin.
@c(millrace_plugin)
public func millracePlugin() -> PluginDescriptor { plugin.descriptor }
