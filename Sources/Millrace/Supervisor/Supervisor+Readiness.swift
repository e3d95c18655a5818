import AMQPClient
import Logging
import Synchronization

/// Whether every job does its work, for whoever routes traffic or rolls out the next version.
public struct Readiness: Sendable, Equatable {
    /// What is missing, a line each, for people; empty if nothing is.
    public let reasons: [String]
    /// Whether nothing is missing.
    public var isReady: Bool { self.reasons.isEmpty }
}

/// What the supervisor's thread knows and ``Supervisor/readiness`` tells others.
struct WatchedState {
    var isDraining = false
    /// Workers that have a connection and have not consumed for too long.
    var overdue: Set<ObjectIdentifier> = []
}

extension Supervisor {
    /// Whether there is a connection and every job consumes, with every worker but those that only just lost their
    /// channel.
    ///
    /// From any thread.
    public var readiness: Readiness {
        let watched = self.watched.withLock { $0 }
        var reasons: [String] = []
        if watched.isDraining { reasons.append("draining") }
        switch self.source.current?.isBlocked {
        case nil: reasons.append("no connection to the broker")
        case true?: reasons.append("the broker blocks the connection: it reads nothing, acks included")
        case false?: break
        }
        if self.source.publishesSeparately {
            switch self.source.publishing?.isBlocked {
            case nil: reasons.append("no connection for outputs")
            case true?: reasons.append("the broker blocks the connection for outputs")
            case false?: break
            }
        }
        let failures = self.failures.withLock { $0 }
        for pool in self.pools {
            let name = pool.job.name
            if let failure = failures[name] {
                reasons.append("job '\(name)' has failed: \(failure)")
                continue
            }
            let overdue = pool.handles.count { watched.overdue.contains(ObjectIdentifier($0)) }
            if overdue > 0 {
                reasons.append("job '\(name)': \(overdue) of \(pool.handles.count) workers do not consume")
                continue
            }
            switch pool.state {
            case .running, .drained: break
            case .starting: reasons.append("job '\(name)' is starting")
            case .restarting(let reason): reasons.append("job '\(name)' is restarting: \(reason)")
            case .failed(let reason): reasons.append("job '\(name)' has failed: \(reason)")
            }
        }
        return Readiness(reasons: reasons)
    }

    /// Restarts the channels of workers that are connected and have not consumed for too long.
    func look(_ watch: inout ConsumerWatch<ObjectIdentifier>, now: UInt64) {
        let idle = self.pools.filter(\.isStarted).flatMap(\.handles).filter(\.shouldConsumeAndDoesNot)
        let restarts = watch.look(
            now: now,
            isConnected: self.source.current != nil,
            idle: idle.map { ObjectIdentifier($0) }
        )
        for handle in idle where restarts.contains(ObjectIdentifier(handle)) {
            let began = handle.beganAt.load(ordering: .relaxed)
            handle.logger.error(
                "connected, but not consuming; its channel is opened again",
                metadata: [
                    "queue": "\(handle.job.queue)", "for": "\(self.options.consumeTimeout)",
                    // Then the channel has to wait for the handler.
                    "handler_running_s": began == 0 ? "no" : "\((now &- began) / 1_000_000_000)",
                ]
            )
            handle.signal(WorkerHandle.Signal.restart)
        }
        self.watched.withLock { $0.overdue = watch.overdue }
    }
}

extension WorkerHandle {
    fileprivate var shouldConsumeAndDoesNot: Bool {
        switch self.state {
        case .waiting, .opening, .restarting: !self.isDraining
        case .making, .consuming, .failed, .dropping, .ended: false
        }
    }
}
