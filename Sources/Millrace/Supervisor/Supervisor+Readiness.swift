import AMQPClient
import AMQPWire
import Logging
import Synchronization

/// What the supervisor's thread knows and ``Supervisor/status`` tells others.
struct WatchedState {
    var isDraining = false
    /// Why there is no connection, as far as is known.
    var whyNotConnected: AMQPError?
    /// Workers that have a connection and have not consumed for too long.
    var overdue: Set<ObjectIdentifier> = []
    /// The broker that is being left, while something of it is in hand.
    var leaving: String?
}

extension Supervisor {
    /// The brokers as they are in the job file now; nil if that is not known.
    var renewedEndpoints: [Endpoint]? { self.options.renewConnection?().map { self.endpoints(of: $0) } }

    /// Restarts the channels of workers that are connected and have not consumed for too long.
    func look(_ watch: inout ConsumerWatch<ObjectIdentifier>, now: UInt64) {
        // What waits for the broker's word about its queue is not helped by another channel.
        let isWaiting = { (pool: Pool) in
            pool.job.queues.allSatisfy { self.topology.standing(of: $0) == .underWay }
        }
        let idle = self.pools.filter { $0.isStarted && !isWaiting($0) }
            .flatMap(\.handles).filter(\.shouldConsumeAndDoesNot)
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
                    "queue": "\(handle.job.queueNames)", "for": "\(DurationText.write(self.options.consumeTimeout))",
                    // Then the channel has to wait for the handler.
                    "handler_running_s": began == 0 ? "no" : "\((now &- began) / 1_000_000_000)",
                ]
            )
            handle.signal(WorkerHandle.Signal.restart)
        }
        self.watched.withLock { $0.overdue = watch.overdue }
    }

    /// Has workers consume again of whom the broker knows no consumer any more.
    ///
    /// - Parameters:
    ///   - forgotten: What was seen before.
    ///   - counts: What the broker has said of queues.
    ///   - now: Nanoseconds.
    func look(_ forgotten: inout ForgottenConsumers, _ counts: [String: BacklogWatch.Count], now: UInt64) {
        for pool in self.pools {
            var isAnyForgotten = false
            for queue in pool.job.queues {
                guard let count = counts[queue] else { continue }
                let isForgotten = forgotten.look(
                    job: pool.job.name,
                    queue: queue,
                    own: pool.handles.count { $0.consumes(queue) },
                    consumers: count.consumers,
                    now: now
                )
                guard isForgotten else { continue }
                isAnyForgotten = true
                self.logger.error(
                    "the queue has no consumer, and the job's threads were never told; others take their place",
                    metadata: ["job": "\(pool.job.name)", "queue": "\(queue)", "ready": .number(count.messages)]
                )
            }
            guard isAnyForgotten else { continue }
            pool.replaceWorkers()
            self.startPools()
        }
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
