package import AMQPClient
import AMQPWire

/// The delay queues of one job queue, for somebody who cleans up behind a job that is gone.
///
/// Nothing is lost by it: a queue is deleted when it is empty and nobody else consumes it, and what is moved has its copy
/// confirmed before it is acked.
package struct DelayCleanup {
    /// One delay queue as the broker sees it.
    package struct Status: Equatable, Sendable {
        package let name: String
        /// Messages that wait; what a supervisor has in hand is not among them.
        package let ready: Int
        /// Supervisors that bring its messages back.
        package let consumers: Int
    }

    /// Why something was not done, for people.
    package struct Refusal: Error, CustomStringConvertible {
        package let description: String
    }

    /// The job's queue, which may be gone.
    package let home: String
    private let connect: () throws -> Connection
    private let connection: Connection
    private let seal: CopySeal

    private static let batch = 100
    private static let patience = Duration.seconds(60)
    /// How long a queue that has messages, and sends none, is waited for.
    private static let silence = Duration.seconds(5)

    /// - Parameters:
    ///   - home: The job's queue.
    ///   - connect: Opens a connection: one that all is done on, and one more for what may end it.
    /// - Throws: What `connect` throws.
    package init(of home: String, connect: @escaping () throws -> Connection) throws {
        self.home = home
        self.connect = connect
        self.connection = try connect()
        self.connection.learnLogin()
        self.seal = CopySeal(self.connection)
    }

    package func close() { self.connection.close() }

    /// Those that are there, the shortest stage first.
    package func look() throws(AMQPError) -> [Status] {
        var found: [Status] = []
        for stage in DelayLadder.standard.stages.indices {
            let name = DelayLadder.standard.queueName(stage, of: self.home)
            guard let status = try self.status(name) else { continue }
            found.append(Status(name: name, ready: status.messageCount, consumers: status.consumerCount))
        }
        return found
    }

    /// Nil if there is no such queue.
    private func status(_ name: String) throws(AMQPError) -> QueueStatus? {
        let channel = try self.connection.openChannel(outwaitsBlocks: false)
        defer { channel.close() }
        do throws(AMQPError) {
            return try channel.declareQueue(name, passive: true)
        } catch {
            guard error.code == AMQPError.Code(.notFound) else { throw error }
            return nil
        }
    }

    /// Removes them.
    ///
    /// - Parameters:
    ///   - target: Where what waits goes now, without the rest of its wait; nil refuses if anything waits.
    ///   - done: Told of each that is removed, and how many messages were moved out of it.
    /// - Throws: A ``Refusal``, or why the connection ended: the others stay as they are.
    package func remove(movingTo target: String?, _ done: (Status, _ moved: Int) throws -> Void) throws {
        let all = try self.look()
        for status in all where status.consumers > 0 {
            throw Refusal(
                description: "'\(status.name)' has a consumer: a supervisor runs a job on '\(self.home)'; nothing was"
                    + " removed"
            )
        }
        let waiting = all.reduce(0) { $0 + $1.ready }
        if let target {
            guard !all.contains(where: { $0.name == target }), try self.status(target) != nil else {
                throw Refusal(description: "there is no queue '\(target)' to move messages to; nothing was removed")
            }
        } else if waiting > 0 {
            throw Refusal(
                description:
                    "\(Plural.of(waiting, "message waits", "messages wait")) in the delay queues of '\(self.home)'; nothing was removed. A"
                    + " supervisor of the job brings them back when they are due; --to QUEUE moves them there now"
            )
        }
        for status in all { try done(status, try self.remove(status.name, movingTo: target)) }
    }

    private func remove(_ name: String, movingTo target: String?) throws -> Int {
        let channel = try self.connection.openChannel(outwaitsBlocks: false)
        defer { channel.close() }
        channel.batchAcks(Self.batch)
        try channel.selectConfirms()
        try channel.prefetch(UInt16(Self.batch))
        do throws(AMQPError) {
            // Nobody else takes from it from here on, and no supervisor puts into a queue that it does not consume.
            try channel.consume(name, exclusive: true)
        } catch {
            guard error.code == AMQPError.Code(.accessRefused) else { throw error }
            throw Refusal(description: "'\(name)' has got a consumer; it was not removed")
        }
        let moved = try self.empty(name, channel, movingTo: target)
        try self.deleteEmpty(name)
        return moved
    }

    // MARK: Moving

    private func empty(_ name: String, _ channel: Channel, movingTo target: String?) throws -> Int {
        var moved = 0
        var deadline = MonotonicClock.deadline(in: Self.silence) ?? 0
        while true {
            var messages: [Delivery] = []
            while messages.count < Self.batch,
                let message = try channel.nextDelivery(timeout: .milliseconds(messages.isEmpty ? 100 : 0))
            {
                messages.append(message)
            }
            guard !messages.isEmpty else {
                let ready = try channel.declareQueue(name, passive: true).messageCount
                if ready == 0, channel.unsettledCount == 0 { return moved }
                guard MonotonicClock.now() < deadline else {
                    throw Refusal(
                        description: "\(Plural.of(ready, "message")) of '\(name)' could not be had; it was not removed"
                    )
                }
                continue
            }
            guard let target else {
                throw Refusal(description: "messages have come into '\(name)'; it was not removed")
            }
            try self.move(messages, channel, to: target)
            moved += messages.count
            deadline = MonotonicClock.deadline(in: Self.silence) ?? 0
        }
    }

    private func move(_ messages: [Delivery], _ channel: Channel, to target: String) throws {
        var sent: [(sequence: UInt64, message: Delivery)] = []
        for message in messages {
            let properties = message.legibleProperties
            guard !properties.isCutShort else {
                throw Refusal(description: "octets are missing in the properties of a message, which stays where it is")
            }
            let copy = HeldCopy(
                tag: message.deliveryTag,
                body: message.body,
                properties: properties,
                isOurs: self.seal.isOurs(properties)
            )
            let outgoing = OutgoingMessage(
                copy.body,
                routingKey: target,
                properties: copy.properties(nil, user: self.seal.user),
                mandatory: true
            )
            sent.append((try channel.publish(outgoing, timeout: Self.patience), message))
        }
        let failed = Set(try channel.awaitConfirms(timeout: Self.patience).map(\.sequence))
        for (sequence, message) in sent where !failed.contains(sequence) { try channel.ack(message) }
        channel.sendAcks()
        guard failed.isEmpty else {
            throw Refusal(
                description:
                    "'\(target)' did not take \(Plural.of(failed.count, "message")), which \(failed.count == 1 ? "stays where it is" : "stay where they are")"
            )
        }
    }

    // MARK: Deleting

    /// The broker itself looks whether a classic queue is empty.
    ///
    /// A quorum queue can not be deleted so (540, which ends the connection): it was empty, and its only consumer is ours.
    private func deleteEmpty(_ name: String) throws {
        let aside = try self.connect()
        defer { aside.close() }
        do throws(AMQPError) {
            try aside.openChannel(outwaitsBlocks: false).deleteQueue(name, ifEmpty: true)
        } catch {
            guard error.code == AMQPError.Code(.notImplemented) else {
                guard error.code == AMQPError.Code(.preconditionFailed) else { throw error }
                throw Refusal(description: "messages have come into '\(name)'; it was not removed")
            }
            let channel = try self.connection.openChannel(outwaitsBlocks: false)
            defer { channel.close() }
            guard try channel.declareQueue(name, passive: true).messageCount == 0 else {
                throw Refusal(description: "messages have come into '\(name)'; it was not removed")
            }
            let lost = try channel.deleteQueue(name)
            guard lost == 0 else {
                throw Refusal(
                    description:
                        "\(Plural.of(lost, "message")) came into '\(name)' while it was removed, and went with it"
                )
            }
        }
    }
}
