import AMQPClient
import AMQPWire
import TestSupport

/// Some hundred channels of one connection, owned by one thread: it consumes on all of them and settles what comes.
///
/// A failing herd has one of its channels fail after the other, while it is told to.
final class ChannelHerd {
    /// What all herds share.
    struct Plan: Sendable {
        let connection: Connection
        let queues: [String]
        /// Another connection's exclusive queue.
        let locked: String
        let progress = HerdProgress()
    }

    /// What one herd saw.
    struct Record: Sendable {
        var received: [(message: Int, redelivered: Bool)] = []
        var settled: [Int] = []
        /// In hand and unsettled when their channel failed.
        var abandoned: [Int] = []
    }

    /// A record, once the thread is done.
    final class Outcome: Sendable {
        private let monitor = Monitor<Record?>(nil)
        var record: Record? { self.monitor.withLock { $0 } }

        func set(_ record: Record) {
            self.monitor.withLock { $0 = record }
            self.monitor.broadcast()
        }

        func await() { _ = self.monitor.wait(until: MonotonicClock.deadline(in: Patience.long)) { $0 } }
    }

    private struct Member {
        var channel: Channel
        let queue: String
        let clash: Int
    }

    private let plan: Plan
    private let isFailing: Bool
    private var members: [Member] = []
    private var record = Record()
    private var failures = 0

    private init(_ plan: Plan, isFailing: Bool) {
        self.plan = plan
        self.isFailing = isFailing
    }

    /// The whole life of a herd, on its thread.
    static func live(_ plan: Plan, channels: [Int], isFailing: Bool) -> Record {
        let herd = ChannelHerd(plan, isFailing: isFailing)
        do {
            for index in channels {
                let queue = plan.queues[index % plan.queues.count]
                herd.members.append(Member(channel: try herd.openChannel(queue), queue: queue, clash: index))
            }
            plan.progress.ready()
            while !plan.progress.isStopped { try herd.walk() }
            for member in herd.members where !member.channel.isOpen {
                plan.progress.fail("channel \(member.channel.number): \(String(describing: member.channel.endReason))")
            }
        } catch {
            plan.progress.fail("\(error)")
        }
        return herd.record
    }

    private func openChannel(_ queue: String) throws -> Channel {
        let channel = try self.plan.connection.openChannel()
        try channel.prefetch(8)
        try channel.consume(queue)
        return channel
    }

    /// Once past every channel; then a short wait on one of them, if nothing came.
    ///
    /// The first that has deliveries fails, if one is to; each walk begins at another.
    private func walk() throws {
        var count = 0
        var mustFail = self.isFailing && self.plan.progress.isFailing
        let first = self.failures
        for step in self.members.indices {
            let index = (first + step) % self.members.count
            let taken = try self.take(self.members[index].channel, nil)
            count += taken.count
            if mustFail, !taken.isEmpty {
                mustFail = false
                try self.fail(index, inHand: taken)
            } else {
                try self.settle(taken, on: self.members[index].channel)
            }
        }
        guard count == 0, let channel = self.members.randomElement()?.channel else { return }
        try self.settle(try self.take(channel, .milliseconds(5)), on: channel)
    }

    private func take(_ channel: Channel, _ timeout: Duration?) throws -> [Delivery] {
        var taken: [Delivery] = []
        while let delivery = try channel.nextDelivery(timeout: taken.isEmpty ? timeout ?? .zero : .zero) {
            self.record.received.append((Self.message(delivery), delivery.redelivered))
            taken.append(delivery)
        }
        return taken
    }

    private func settle(_ deliveries: [Delivery], on channel: Channel) throws {
        for delivery in deliveries {
            try channel.ack(delivery)
            self.record.settled.append(Self.message(delivery))
        }
        if !deliveries.isEmpty {
            channel.sendAcks()
            self.plan.progress.settled(deliveries.count)
        }
    }

    private static func message(_ delivery: Delivery) -> Int { delivery.body.reduce(0) { $0 << 8 | Int($1) } }

    /// Makes the broker end a channel, half of what is in hand settled before, and puts another in its place.
    ///
    /// What it abandons is given out again.
    private func fail(_ index: Int, inHand: [Delivery]) throws {
        self.failures += 1
        let member = self.members[index]
        let half = inHand.count / 2
        try self.settle(Array(inHand[..<half]), on: member.channel)
        let expected = ([403, 404, 405, 406] as [UInt16])[self.failures % 4]
        do throws(AMQPError) {
            switch expected {
            case 403: _ = try member.channel.declareQueue("amq.herd")
            case 404: _ = try member.channel.get("missing.\(member.clash)")
            case 405: _ = try member.channel.declareQueue(self.plan.locked, passive: true)
            default: _ = try member.channel.declareQueue(member.queue, durable: true)
            }
            self.plan.progress.fail("no error on channel \(member.channel.number)")
        } catch {
            if error.code.rawValue != expected || error.scope != .channel(member.channel.number) {
                self.plan.progress.fail("\(expected) expected: \(error)")
            }
            self.plan.progress.failed(error.code.rawValue)
        }
        self.record.abandoned += inHand[half...].map(Self.message)
        self.members[index].channel = try self.openChannel(member.queue)
    }
}
