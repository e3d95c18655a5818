import AMQPClient
import Logging

/// What the handlers of one job do not read of its `with:`, each option once, however many workers there are.
final class OptionNotes: Sendable {
    private let known = Monitor<Set<UnreadOption>>([])

    /// - Returns: Those that were not known yet, in their order.
    func add(_ options: [UnreadOption]) -> [UnreadOption] {
        self.known.withLock { known in options.filter { known.insert($0).inserted } }
    }

    /// All of them, by name.
    var all: [UnreadOption] { self.known.withLock { $0 }.sorted { $0.name < $1.name } }
}

extension WorkerHandle {
    /// The plugin has told what of the options its handler has read.
    func noteOptions(read paths: [String]) {
        for option in self.optionNotes.add(UnreadOption.all(in: self.job.with, read: paths)) {
            let help = option.nearest.map { "did you mean '\($0)'?" } ?? "leave it out, or look how it is spelt"
            self.logger.warning(
                "the handler does not read an option of its 'with'",
                metadata: ["option": "\(option.name)", "help": "\(help)"]
            )
        }
    }
}
