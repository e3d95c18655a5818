import AMQPClient
public import Logging

/// Handlers that are made once each, with their job's options, to see whether they can be: none of them gets a message.
public enum HandlerTrial {
    /// A job whose handler can not be made, or does not read all of its options.
    public struct Problem: Sendable {
        /// The job.
        public let job: JobDefinition
        /// What is wrong.
        public let reason: String
        /// The keys of the option that it is about, from the outermost on; empty if the handler can not be made.
        public let option: [String]
        /// A key that was probably meant.
        public let nearest: String?
    }

    /// Makes the handler of each job, on the calling thread, and lets it go.
    ///
    /// - Parameters:
    ///   - file: The jobs.
    ///   - registry: Has their handlers.
    ///   - logger: Gets what handlers log meanwhile.
    /// - Returns: What does not work, in the file's order.
    /// - Throws: A ``PluginError`` for a handler that no plugin offers.
    public static func problems(
        of file: JobFile,
        _ registry: PluginRegistry,
        logger: Logger
    ) throws(PluginError) -> [Problem] {
        var problems: [Problem] = []
        for job in file.jobs {
            let entry = try registry.handler(for: job)
            problems += Self.problems(of: job, entry, logger: logger)
        }
        return problems
    }

    /// The same for one job.
    static func problems(of job: JobDefinition, _ entry: HandlerEntry, logger: Logger) -> [Problem] {
        let functions = HandlerFunctions(entry)
        let notes = OptionNotes()
        let handle = WorkerHandle(
            job: job,
            index: 0,
            counters: JobCounters(),
            logger: logger.plain,
            hung: HungMessages(),
            optionNotes: notes,
            jobStopped: { _ in }
        )
        do throws(HandlerStartError) {
            let instance = try functions.makeInstance(for: handle)
            // Its deinit may ask the host about its worker still.
            withExtendedLifetime(handle) { functions.drop(instance) }
        } catch {
            let reason = "its handler does not start: \(error.reason)"
            return [Problem(job: job, reason: reason, option: [], nearest: nil)]
        }
        return notes.all.map { option in
            Problem(
                job: job,
                reason: "its handler does not read the option '\(option.name)'",
                option: option.path,
                nearest: option.nearest
            )
        }
    }
}
