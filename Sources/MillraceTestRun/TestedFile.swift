import AMQPCore
import Glibc
import Millrace
import MillraceHandler

/// A job file that is read and checked, with its handlers.
struct TestedFile {
    private let checked: JobFile
    let registry: PluginRegistry

    init(path: String, _ plugins: [PluginDescriptor], _ environment: [String: String]) throws {
        try self.init(JobFileDraft(path: path, environment: Self.merged(environment)), plugins)
    }

    init(text: String, _ plugins: [PluginDescriptor], _ environment: [String: String]) throws {
        let draft = try JobFileDraft(
            bytes: Array(text.utf8),
            file: "the test's job file",
            environment: Self.merged(environment)
        )
        try self.init(draft, plugins)
    }

    private init(_ draft: JobFileDraft, _ plugins: [PluginDescriptor]) throws {
        draft.checkTimeZones()
        var registry = PluginRegistry()
        for plugin in plugins { try registry.add(linkedIn: plugin) }
        // What is linked in stands for the file's plugins: those may not even be built.
        if plugins.isEmpty { registry = draft.loadPlugins() }
        self.registry = registry
        self.checked = try draft.finish()
    }

    private static func merged(_ environment: [String: String]) -> [String: String] {
        var all = environment
        var next = environ
        while let entry = next.pointee {
            let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, all[String(parts[0])] == nil { all[String(parts[0])] = String(parts[1]) }
            next += 1
        }
        return all
    }

    /// As it runs on the broker at that port.
    func file(at port: Int) -> JobFile {
        var file = self.checked
        file.connection.uris = ["amqp://guest:guest@127.0.0.1:\(port)"]
        file.connection.tls = nil
        file.connection.heartbeat = .zero
        // What a fault has cut comes back at once.
        file.connection.recovery = RecoverySettings(initialInterval: .milliseconds(5), maxInterval: .milliseconds(50))
        file.control = nil
        file.admin = nil
        file.crashLedger = nil
        return file
    }
}
