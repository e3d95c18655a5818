import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// Transactions on a real RabbitMQ (C64).
@Suite(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct TransactionTests {
    @Test func `C64: publishes and acks of one transaction take effect with its commit`() async throws {
        try await Rig.run { rig in
            let connection = try rig.connect()
            let channel = try connection.openChannel()
            let observer = try connection.openChannel()
            let input = try observer.temporaryQueue()
            let output = try observer.temporaryQueue()
            try observer.fill(input, 1...2)
            try channel.selectTransactions()
            try channel.prefetch(1)
            // A consumer, not get: then the queue knows of the channel's end before close-ok.
            try channel.consume(input)
            let delivery = try channel.delivery()
            for number: UInt8 in 1...3 { try channel.publish([number], routingKey: output) }
            try channel.ack(delivery)
            // A round trip on the channel later nothing is to be seen.
            _ = try channel.declareQueue(output, passive: true)
            #expect(try observer.declareQueue(output, passive: true).messageCount == 0)
            try channel.commit()
            let bodies = try (0..<3).map { _ in try observer.get(output, noAck: true)?.body }
            #expect(bodies == [[1], [2], [3]])
            channel.close()
            // The acked one did not come back with the channel's end.
            #expect(try observer.get(input, noAck: true)?.body == [2])
            #expect(try observer.get(input, noAck: true) == nil)
        }
    }

    @Test func `C64: an ack without its commit is worth nothing when the channel ends`() async throws {
        try await Rig.run { rig in
            let connection = try rig.connect()
            let channel = try connection.openChannel()
            let observer = try connection.openChannel()
            let input = try observer.temporaryQueue()
            try observer.fill(input, 1...1)
            try channel.selectTransactions()
            try channel.ack(try #require(try channel.get(input)))
            channel.close()
            // Behind a get, RabbitMQ may answer the close before the queue knows of it.
            try observer.consume(input)
            #expect(try observer.delivery().redelivered)
        }
    }

    @Test func `C64: after a rollback publishes are gone, and acked deliveries can be settled again`() async throws {
        try await Rig.run { rig in
            let connection = try rig.connect()
            let channel = try connection.openChannel()
            let observer = try connection.openChannel()
            let input = try observer.temporaryQueue()
            let output = try observer.temporaryQueue()
            try observer.fill(input, 1...4)
            try channel.selectTransactions()
            try channel.consume(input)
            let taken = try (0..<4).map { _ in try channel.delivery() }
            try channel.publish([9], routingKey: output)
            try channel.ack(taken[0])
            try channel.nack(taken[1], requeue: true)
            try channel.reject(taken[2], requeue: false)
            #expect(channel.unsettledCount == 1)
            #expect(try failureOf { try channel.ack(taken[0]) }.code == .refusedLocally)
            try channel.rollback()
            #expect(channel.unsettledCount == 4)
            // Nothing is given out again: they are with us as before.
            #expect(try channel.deliveriesSoFar(of: input).isEmpty)
            #expect(try observer.declareQueue(input, passive: true).messageCount == 0)
            #expect(try observer.declareQueue(output, passive: true).messageCount == 0)
            for delivery in taken { try channel.ack(delivery) }
            try channel.commit()
            #expect(channel.unsettledCount == 0)
            #expect(try failureOf { try channel.ack(taken[3]) }.code == .refusedLocally)
            channel.close()
            #expect(try observer.declareQueue(input, passive: true).messageCount == 0)
        }
    }

    @Test func `C64: acks that wait for a frame are rolled back like those that were sent`() async throws {
        try await Rig.run { rig in
            let channel = try rig.connect().openChannel()
            let input = try channel.temporaryQueue()
            try channel.fill(input, 1...10)
            try channel.selectTransactions()
            channel.batchAcks(4)
            try channel.consume(input)
            let taken = try (0..<10).map { _ in try channel.delivery() }
            for delivery in taken[..<6] { try channel.ack(delivery) }
            try channel.rollback()
            #expect(channel.unsettledCount == 10)
            try channel.ackAll(upTo: taken[9])
            try channel.rollback()
            try channel.ackAll(upTo: taken[6])
            try channel.commit()
            #expect(channel.unsettledCount == 3)
            try channel.recover()
            let again = try (0..<3).map { _ in try channel.delivery() }
            #expect(again.map { $0.body[0] } == [8, 9, 10])
            #expect(again.allSatisfy { $0.redelivered })
        }
    }

    @Test func `C64: a missing exchange ends the channel at once, not at the commit`() async throws {
        try await Rig.run { rig in
            let connection = try rig.connect()
            let neighbour = try connection.openChannel()
            let queue = try neighbour.temporaryQueue()
            let error = try connection.failure { channel in
                try channel.selectTransactions()
                try channel.publish([1], routingKey: queue)
                try channel.publish([2], exchange: Broker.unique("missing"), routingKey: queue)
                try channel.awaitEnd()
            }
            #expect(error.code == AMQPError.Code(.notFound))
            #expect(error.method == .basicPublish)
            // What was published before went with the channel.
            #expect(try neighbour.declareQueue(queue, passive: true).messageCount == 0)
            try neighbour.proveAlive()
        }
    }

    @Test func `C46 C64: commit without select, and a mix with confirms, are refused before anything is sent`()
        async throws
    {
        try await Rig.run { rig in
            let connection = try rig.connect()
            let plain = try connection.openChannel()
            #expect(try failureOf { try plain.commit() }.code == .refusedLocally)
            #expect(try failureOf { try plain.rollback() }.method == .txRollback)
            try plain.selectTransactions()
            try plain.selectTransactions()
            #expect(try failureOf { try plain.selectConfirms() }.method == .confirmSelect)
            try plain.commit()
            try plain.rollback()
            let confirming = try connection.openChannel()
            try confirming.selectConfirms()
            try confirming.selectConfirms()
            let error = try failureOf { try confirming.selectTransactions() }
            #expect(error.code == .refusedLocally)
            #expect(error.scope == .call)
            #expect(error.method == .txSelect)
            #expect(try confirming.publish([1], routingKey: Broker.unique("nowhere")) == 1)
            #expect(try confirming.awaitConfirms(timeout: Patience.long) == [])
            try plain.proveAlive()
        }
    }
}
