import AMQPBroker
import AMQPBrokerServer
import Logging
import Millrace

/// What a run is made of, started.
struct RunParts {
    let file: JobFile
    let server: BrokerServer
    let clock: JobClock
    let record: RunRecord
    let signal: ChangeSignal
    let supervisor: Supervisor
    let thread: SupervisorThread

    static func start(_ tested: TestedFile, _ release: BrokerRelease) async throws -> RunParts {
        var settings = BrokerSettings(profile: release.profile)
        // A jump would be a client's silence.
        settings.heartbeat = 0
        let server = try await BrokerServer.start(settings)
        do {
            return try await Self.start(tested, on: server)
        } catch {
            await server.stop()
            throw error
        }
    }

    private static func start(_ tested: TestedFile, on server: BrokerServer) async throws -> RunParts {
        let (signal, record) = (ChangeSignal(), RunRecord())
        let clock = JobClock { signal.send() }
        let file = tested.file(at: server.port)
        try await Self.makeOthers(file, server)
        try await server.watch { signal.send() }
        var options = SupervisorOptions(statusInterval: .milliseconds(50))
        options.hooks.clock = clock
        options.hooks.observe = { record.add($0) }
        let supervisor = try Supervisor(
            file: file,
            registry: tested.registry,
            options: options,
            logger: Logger(label: "millrace.test") { _ in RunLogHandler(record) },
            // What the supervisor alone knows, such as a job that has failed, is told by it.
            onStatus: { _ in signal.send() }
        )
        return RunParts(
            file: file,
            server: server,
            clock: clock,
            record: record,
            signal: signal,
            supervisor: supervisor,
            thread: try SupervisorThread(supervisor, signal)
        )
    }

    /// What the file expects to be there already.
    private static func makeOthers(_ file: JobFile, _ server: BrokerServer) async throws {
        let own = Set(file.queues.filter { $0.declare == .active }.map(\.name))
        let queues = (file.queues.map(\.name) + file.jobs.flatMap(\.queues)).filter { !own.contains($0) }
        let exchanges = file.exchanges.filter { $0.declare != .active }
        let strange = try await server.with { broker, now in
            for queue in queues { broker.makeQueue(queue, now: now) }
            return exchanges.filter { !broker.makeExchange($0.name, type: $0.type) }
        }
        if let strange = strange.first { throw TestRunError(.unknownExchangeType(strange.name, type: strange.type)) }
    }
}
