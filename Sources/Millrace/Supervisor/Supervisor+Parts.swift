import AMQPClient
import Logging

/// What a supervisor is made of, at the start and when its file changes.
extension Supervisor {
    static func makePool(
        _ job: JobDefinition,
        _ entry: HandlerEntry,
        _ file: JobFile,
        _ options: SupervisorOptions,
        _ source: ConnectionSource,
        _ topology: Topology,
        _ inbox: SupervisorInbox,
        _ logger: Logger
    ) -> Pool {
        Pool(
            job: job,
            entry: entry,
            source: source,
            topology: topology,
            recovery: file.connection.recovery,
            ladder: options.delays.ladder,
            hooks: options.hooks,
            logger: logger,
            startThread: options.startThread,
            jobStopped: { [inbox] job, reason in inbox.jobStopped(job, reason) },
            changed: { [inbox] in inbox.workersChanged() }
        )
    }

    static func makeFleet(_ file: JobFile, _ source: ConnectionSource, _ logger: Logger) -> FleetAnswerer? {
        guard let fleet = file.control?.fleet, let queue = file.jobs.first?.queue else { return nil }
        return FleetAnswerer(fleet, beside: queue, source: source, logger: logger)
    }

    /// There is another connection.
    func tellFleet() {
        self.fleet?.connectionChanged { [weak self] id, node in
            self.map { $0.document(build: $0.options.build).fleetAnswer(id: id, node: node) }
        }
    }

    static func makeReturner(
        _ queues: [String],
        _ file: JobFile,
        _ options: SupervisorOptions,
        _ source: ConnectionSource,
        _ topology: Topology,
        _ inbox: SupervisorInbox,
        _ logger: Logger
    ) -> Returner {
        var known: Set<String> = []
        return Returner(
            queues.filter { known.insert($0).inserted }.map { topology.delays(of: $0, options.delays.ladder) },
            known: topology.delayQueues,
            settings: options.delays,
            clock: options.hooks.clock,
            source: source,
            recovery: file.connection.recovery,
            logger: logger,
            ended: { [inbox] in inbox.workersChanged() }
        )
    }
}
