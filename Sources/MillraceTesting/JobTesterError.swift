import MillraceHandler

/// Why there is no result.
public struct JobTesterError: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    public enum Problem: Equatable, Sendable {
        /// The plugin has no handler of that name; the names that it has.
        case unknownHandler(String, plugin: String, offered: [String])
        /// The handler was not made: what its `init` threw.
        case doesNotStart(handler: String, reason: String)
        /// AMQP could not carry the message; why.
        case impossibleMessage(String)
        /// The handler has not ended within the test's limit.
        case stillRunning(Duration)
        /// The handler did what the plugin interface forbids; what.
        case misuse(String)
        /// The plugin's descriptor is none; why.
        case malformedPlugin(String)
        /// The system gave no thread; its number for the reason.
        case noThread(Int32)
    }

    /// What is wrong.
    public let problem: Problem

    /// An error to compare with.
    public init(_ problem: Problem) { self.problem = problem }

    /// One sentence.
    public var description: String {
        switch self.problem {
        case .unknownHandler(let name, let plugin, let offered):
            "plugin '\(plugin)' offers no handler '\(name)'; "
                + (offered.isEmpty ? "it offers none" : "there are \(offered.joined(separator: ", "))")
        case .doesNotStart(let handler, let reason): "handler '\(handler)' does not start: \(reason)"
        case .impossibleMessage(let flaw): "AMQP can not carry this message: \(flaw)"
        case .stillRunning(let limit):
            "the handler has not ended after \(OptionDuration.write(limit)); give the run a longer 'limit', or an 'ending' if it waits to be asked"
        case .misuse(let what): "the supervisor would not survive this: \(what)"
        case .malformedPlugin(let what): "the plugin's descriptor is malformed: \(what)"
        case .noThread(let code): "there is no thread for the handler: error \(code)"
        }
    }
}
