import AMQPClient
import Logging

/// A move to another broker, and who is to hear of it.
struct MoveUnderWay {
    var move: ConnectionMove
    /// The list as it was at the beginning: a reload may bring another.
    let endpoints: [Endpoint]
    let note: ChangeNote
    /// Told once: where it goes, or that it does not.
    var reply: (@Sendable (CommandReply) -> Void)?
    /// From when the other connection is there: what was before, who is told of its end, who was on it.
    var old: (connection: Connection, reporter: ConnectionReporter?, handles: [WorkerHandle])?

    mutating func answer(_ reply: CommandReply) {
        self.reply?(reply)
        self.reply = nil
    }
}

/// Why a move does not begin.
struct MoveRefusal: Error {
    let text: String
}

extension SupervisorRun {
    /// Takes a command in that is answered later.
    ///
    /// - Returns: Whether it is one.
    mutating func takeMove(_ command: Command, _ reply: @escaping @Sendable (CommandReply) -> Void) -> Bool {
        guard case .rebalance(let to, let note) = command else { return false }
        do throws(MoveRefusal) {
            var move = ConnectionMove(candidates: try self.moveCandidates(to).shuffled(using: &self.generator))
            let step = move.begin()
            self.move = MoveUnderWay(move: move, endpoints: self.endpoints, note: note, reply: reply)
            self.carryOut(step)
        } catch {
            reply(.refused(error.text))
        }
        return true
    }

    private func moveCandidates(_ to: String?) throws(MoveRefusal) -> [Int] {
        guard let connection = self.connection, self.connecting == nil else {
            throw MoveRefusal(text: "there is no connection at this time: one is sought already")
        }
        guard self.move == nil else { throw MoveRefusal(text: "it goes over to another broker already") }
        guard !self.supervisor.options.once else { throw MoveRefusal(text: "this run ends by itself") }
        guard !connection.isBlocked else {
            throw MoveRefusal(text: "the broker blocks the connection: nothing could be finished on it")
        }
        let file = self.supervisor.file
        let queues = Set(file.jobs.flatMap(\.queues))
        if let queue = file.queues.first(where: { ($0.exclusive || $0.autoDelete) && queues.contains($0.name) }) {
            throw MoveRefusal(
                text: "queue '\(queue.name)' would be deleted with its last consumer on the old connection"
            )
        }
        func address(_ endpoint: Endpoint) -> String { "\(endpoint.host):\(endpoint.port)" }
        let here = address(connection.endpoint)
        let others = self.endpoints.indices.filter { address(self.endpoints[$0]) != here }
        guard !others.isEmpty else { throw MoveRefusal(text: "the job file names no broker but \(here)") }
        guard let to else { return others }
        let chosen = others.filter { self.endpoints[$0].host == to || address(self.endpoints[$0]) == to }
        let names = others.map { address(self.endpoints[$0]) }.joined(separator: ", ")
        guard !chosen.isEmpty else { throw MoveRefusal(text: "there is no other broker '\(to)'; there are \(names)") }
        return chosen
    }

    private mutating func carryOut(_ step: ConnectionMove.Step?) {
        switch step {
        case nil: break
        case .connect(let index): if let endpoint = self.move?.endpoints[index] { self.tryMove(to: endpoint) }
        case .stay(let reason):
            self.logger.warning("the supervisor stays with its broker", metadata: ["reason": "\(reason)"])
            self.move?.answer(.refused("it stays where it is: \(reason)"))
            self.move = nil
        case .goOver: break  // by whoever has the connection
        case .close: self.move?.old?.connection.startClose()
        }
    }

    private mutating func tryMove(to endpoint: Endpoint) {
        do throws(ThreadError) {
            try self.startAttempt(to: endpoint)
        } catch {
            self.moveFailed("\(error)")
        }
    }

    private mutating func moveFailed(_ reason: String) {
        let step = self.move?.move.failed(reason)
        self.carryOut(step)
    }

    /// What became of the attempt, while the connection before is up.
    mutating func moveAttemptEnded(
        _ outcome: ConnectAttempt.Outcome,
        _ endpoint: Endpoint,
        _ ends: [(reporter: ConnectionReporter, error: AMQPError)]
    ) {
        switch outcome {
        case .failure(let error): self.moveFailed("\(endpoint.address): \(error)")
        case .success(let success):
            if let end = ends.first(where: { $0.reporter === success.reporter }) {
                success.connection.close()
                return self.moveFailed("\(endpoint.address): \(end.error)")
            }
            guard case .goOver? = self.move?.move.connected() else { return success.connection.startClose() }
            self.goOver(to: success, endpoint)
        }
    }

    /// Whoever comes finds the new connection; whoever is on the old one finishes there what is in hand.
    private mutating func goOver(to success: ConnectAttempt.Success, _ endpoint: Endpoint) {
        guard let old = self.connection else { return }
        let handles = self.supervisor.pools.flatMap(\.handles)
        self.move?.old = (old, self.reporter, handles)
        self.connection = success.connection
        self.reporter = success.reporter
        self.keeper.connected(now: MonotonicClock.now())
        self.supervisor.noteTopology(self.supervisor.suspectJobs(success.failures))
        self.supervisor.source.set(success.connection)
        self.supervisor.replaceReturner()
        self.supervisor.scheduler.connectionChanged()
        for pool in self.supervisor.pools where !pool.isLeaving { pool.moveWorkers() }
        for pool in self.supervisor.pools { pool.signal(WorkerHandle.Signal.connection) }
        if let note = self.move?.note { self.supervisor.write("rebalance to \(endpoint.address)", note) }
        self.supervisor.watched.withLock { $0.leaving = old.endpoint.address }
        self.logger.info(
            "connected to another broker; jobs go over between two messages",
            metadata: ["broker": "\(endpoint.address)", "from": "\(old.endpoint.address)"]
        )
        self.move?.answer(.noted(["from \(old.endpoint.address) to \(endpoint.address)"]))
    }

    /// The old connection is closed when nobody is on it any more.
    mutating func lookAtMove(_ events: SupervisorInbox.Events) {
        guard let old = self.move?.old else { return }
        if let error = events.end(of: old.reporter) {
            if self.move?.move.oldEnded() == true {
                self.logger.warning(
                    "the old connection ended before all was finished",
                    metadata: ["reason": "\(error)"]
                )
                for handle in old.handles { handle.connectionEnded() }
            } else {
                self.logger.info("the old connection is closed: all jobs are with the other broker")
            }
            old.connection.close()
            self.supervisor.watched.withLock { $0.leaving = nil }
            self.move = nil
            return
        }
        let there = Set(self.supervisor.pools.flatMap(\.handles).map(ObjectIdentifier.init))
        let areGone = old.handles.allSatisfy { $0.state.isOver || !there.contains(ObjectIdentifier($0)) }
        let isOver = areGone && self.supervisor.returners.withLock { $0.next == nil }
        let step = self.move?.move.look(areGone: isOver)
        self.carryOut(step)
    }

    /// The connection is lost, or the run ends, before it was decided.
    mutating func dropMove(_ reason: String) {
        self.move?.answer(.refused(reason))
        if self.move?.old == nil { self.move = nil }
    }
}

extension SupervisorRun {
    var connectionOptions: ConnectionOptions {
        let settings = self.supervisor.file.connection
        return ConnectionOptions(
            name: settings.name ?? "millrace",
            heartbeatSeconds: Int(settings.heartbeat.nanoseconds / 1_000_000_000),
            connectTimeout: settings.connectTimeout,
            channelMax: self.keeper.channelMax
        )
    }
}
