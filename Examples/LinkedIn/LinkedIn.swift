import Examples
import Foundation
import Logging
import Millrace
import MillraceHandler
import Tracing

/// A supervisor of one's own, with the handlers linked in: one program, and no plugin to load.
///
///     AMQP_URL=amqp://localhost millrace-linked-in JOBFILE [--once]
@main
enum LinkedIn {
    static func main() {
        // Before any thread exists, so that every thread inherits the mask.
        let signals = StopSignals()
        InstrumentationSystem.bootstrap(PrintingTracer())
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard let path = arguments.first, arguments.count == 1 || arguments[1...] == ["--once"] else {
            Self.end(64, "usage: millrace-linked-in JOBFILE [--once]")
        }
        do {
            let file = try JobFile.load(path: path, environment: ProcessInfo.processInfo.environment)
            var registry = PluginRegistry()
            try registry.add(linkedIn: welcomePlugin.descriptor)
            try registry.add(linkedIn: millracePlugin())  // Examples/Plugin, as it is
            let supervisor = try Supervisor(
                file: file,
                registry: registry,
                options: SupervisorOptions(once: arguments.count == 2),
                logger: Logger(label: "linked-in", factory: { StreamLogHandler.standardError(label: $0) })
            )
            try signals.start { supervisor.stop() }
            Self.end(supervisor.run().rawValue)
        } catch {
            Self.end(78, "\(error)")
        }
    }

    /// At once: a handler that never ends must not keep the process.
    private static func end(_ status: Int32, _ message: String = "") -> Never {
        if !message.isEmpty { FileHandle.standardError.write(Data((message + "\n").utf8)) }
        _exit(status)
    }
}
