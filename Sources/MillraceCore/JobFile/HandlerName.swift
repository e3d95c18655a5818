/// The full name of a handler: `examples.thumbnail` is handler `thumbnail` of the plugin that calls itself `examples`.
public struct HandlerName: Sendable, Hashable, CustomStringConvertible {
    /// The plugin's own name, as it states it when it is loaded; it holds no dot.
    public var plugin: String
    /// The handler's name within the plugin; it may hold dots.
    public var handler: String

    /// Makes a name of its two parts.
    public init(plugin: String, handler: String) {
        self.plugin = plugin
        self.handler = handler
    }

    /// The name as a job file writes it.
    public var description: String { "\(self.plugin).\(self.handler)" }
}
