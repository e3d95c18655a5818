public import CMillraceABI

/// The handlers of all loaded plugins, by their full names.
public struct PluginRegistry: Sendable {
    private var handlers: [String: (entry: HandlerEntry, path: String)] = [:]

    /// No plugin yet.
    public init() {}

    /// Loads plugins, all that load: every error is given, not the first alone.
    public static func load(_ paths: [String]) -> (registry: PluginRegistry, errors: [PluginError]) {
        var registry = PluginRegistry()
        var errors: [PluginError] = []
        for path in paths {
            do throws(PluginError) {
                try registry.add(try Plugin(path: path))
            } catch {
                errors.append(error)
            }
        }
        return (registry, errors)
    }

    /// Adds a plugin's handlers.
    ///
    /// - Throws: A ``PluginError`` if another plugin offers one of the names.
    public mutating func add(_ plugin: Plugin) throws(PluginError) {
        for entry in plugin.handlers {
            guard let other = self.handlers[entry.name] else { continue }
            throw PluginError(.ambiguous(entry.name, other: other.path), path: plugin.path)
        }
        for entry in plugin.handlers { self.handlers[entry.name] = (entry, plugin.path) }
    }

    /// Adds handlers that are linked into the executable, so that no file is loaded for them.
    ///
    /// - Parameter descriptor: A `MillracePlugin`'s `descriptor`, or what its `millrace_plugin` returns; it and all that
    ///   it points to stay where they are for the life of the process.
    /// - Throws: A ``PluginError`` if it is malformed, or if another plugin offers one of the names.
    public mutating func add(linkedIn descriptor: UnsafePointer<millrace_plugin_descriptor>) throws(PluginError) {
        try self.add(try Plugin(descriptor, path: "linked in"))
    }

    /// The full names of all handlers, sorted.
    public var names: [String] { self.handlers.keys.sorted() }

    /// Whether a plugin is here that offers handlers with the same first part of their names.
    func has(_ handler: HandlerName) -> Bool { self.handlers.keys.contains { $0.hasPrefix(handler.plugin + ".") } }

    /// Finds the handler of a job, and whether it can do what the job wants of it.
    ///
    /// - Throws: A ``PluginError`` for a handler that is not there, or for a `batch` that it does not take.
    package func handler(for job: JobDefinition) throws(PluginError) -> HandlerEntry {
        let entry = try self.handler(named: job.handler.description)
        if job.batch != nil, !entry.isBatch { throw PluginError(.takesNoBatches(entry.name), path: "") }
        return entry
    }

    /// Finds a handler by its full name, `plugin.handler`.
    ///
    /// - Throws: A ``PluginError`` that names the handlers there are, the nearest first.
    package func handler(named name: String) throws(PluginError) -> HandlerEntry {
        if let found = self.handlers[name] { return found.entry }
        if name == ExecDecoder.name.description { throw PluginError(.runsNoPrograms, path: "") }
        // A program is named by exec alone.
        let offered = self.names.filter { $0 != ExecDecoder.name.description }
        let nearest = NearestName.of(name, among: offered)
        throw PluginError(
            .unknownHandler(name, offered: (nearest.map { [$0] } ?? []) + offered.filter { $0 != nearest }),
            path: ""
        )
    }
}
