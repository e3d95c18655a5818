import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// Consumers, prefetch, get and recover on a real RabbitMQ.
@Suite(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct ConsumeTests {
    @Test func `C52: the broker makes up a tag for a consumer without one`() async throws {
        try await Rig.run { rig in
            let channel = try rig.connect().openChannel()
            let queue = try channel.temporaryQueue()
            let tag = try channel.consume(queue)
            #expect(tag.hasPrefix("amq.ctag-"))
            #expect(try channel.consume(queue) != tag)
            try channel.fill(queue, 1...1)
            #expect(try channel.delivery().envelope.consumerTag.hasPrefix("amq.ctag-"))
        }
    }

    @Test func `C52: a tag in use is refused before it is sent, and costs nothing`() async throws {
        try await Rig.run { rig in
            let connection = try rig.connect()
            let channel = try connection.openChannel()
            let queue = try channel.temporaryQueue()
            try channel.consume(queue, tag: "c")
            let error = try failureOf { try channel.consume(queue, tag: "c") }
            #expect(error.code == .refusedLocally)
            #expect(error.scope == .call)
            #expect(error.method == .basicConsume)
            #expect(channel.isOpen)
            // Another channel may use it, and so may this one after the end of the first consumer.
            let other = try connection.openChannel()
            #expect(try other.consume(queue, tag: "c") == "c")
            try other.cancel("c")
            try channel.cancel("c")
            #expect(try channel.consume(queue, tag: "c") == "c")
            // The broker ends a consumer: its tag is free before the owner has looked.
            try other.deleteQueue(queue)
            let next = try other.temporaryQueue()
            _ = try channel.declareQueue(next, passive: true)
            #expect(try channel.consume(next, tag: "c") == "c")
            #expect(channel.takeCancelledConsumers() == ["c"])
        }
    }

    @Test func `answers by direct reply-to come one after the other, beside deliveries that want acks`() async throws {
        try await Rig.run { rig in
            let connection = try rig.connect()
            let (asking, answering) = (try connection.openChannel(), try connection.openChannel())
            let questions = try answering.temporaryQueue()
            let jobs = try asking.temporaryQueue()
            let replies = try asking.consume("amq.rabbitmq.reply-to", noAck: true)
            try asking.consume(jobs, tag: "jobs")
            try answering.consume(questions)
            var properties = BasicProperties()
            properties.replyTo = "amq.rabbitmq.reply-to"
            for number in UInt8(1)...6 {
                // RabbitMQ gives an answer the tag of what comes next.
                try asking.publish([number], routingKey: questions, properties: properties)
                let question = try answering.delivery()
                try answering.publish(question.body, routingKey: try #require(try question.properties.replyTo))
                let answer = try asking.delivery()
                #expect(try answer.envelope.consumerTag == replies)
                #expect(answer.body == [number])
                guard number % 2 == 0 else { continue }
                try answering.fill(jobs, number...number)
                let job = try asking.delivery()
                #expect(try job.envelope.consumerTag == "jobs")
                #expect(asking.unsettledCount == 1)
                try asking.ack(job)
                #expect(asking.unsettledCount == 0)
            }
            try asking.cancel(replies)
            try asking.proveAlive()
        }
    }

    @Test func `C52 C53: a tag that was used without acks wants acks when it is used with them`() async throws {
        try await Rig.run { rig in
            let channel = try rig.connect().openChannel()
            let queue = try channel.temporaryQueue()
            try channel.consume(queue, tag: "c", noAck: true)
            try channel.fill(queue, 1...1)
            #expect(try channel.delivery().body == [1])
            #expect(channel.unsettledCount == 0)
            try channel.cancel("c")
            try channel.consume(queue, tag: "c")
            try channel.fill(queue, 2...2)
            let delivery = try channel.delivery()
            #expect(channel.unsettledCount == 1)
            try channel.ack(delivery)
        }
    }

    @Test func `C52: consumers without acks get tags of their own, whichever of them ended before`() async throws {
        try await Rig.run { rig in
            let channel = try rig.connect().openChannel()
            let queue = try channel.temporaryQueue()
            let first = try channel.consume(queue, noAck: true)
            let second = try channel.consume(queue, noAck: true)
            try channel.cancel(first)
            let third = try channel.consume(queue, noAck: true)
            #expect(Set([first, second, third]).count == 3)
        }
    }

    @Test func `C52 C53: deliveries of several consumers on one channel are told apart by their tags`() async throws {
        try await Rig.run { rig in
            let channel = try rig.connect().openChannel()
            let queues = try (0..<3).map { _ in try channel.temporaryQueue() }
            for (index, queue) in queues.enumerated() {
                #expect(try channel.consume(queue, tag: "consumer-\(index)") == "consumer-\(index)")
            }
            for _ in 0..<5 {
                for (index, queue) in queues.enumerated() { try channel.publish([UInt8(index)], routingKey: queue) }
            }
            for count in 1...15 {
                let delivery = try channel.delivery()
                #expect(delivery.deliveryTag == UInt64(count))
                #expect(try delivery.envelope.consumerTag == "consumer-\(delivery.body[0])")
                #expect(try delivery.envelope.routingKey == queues[Int(delivery.body[0])])
                try channel.ack(delivery)
            }
        }
    }

    @Test func `C53: an ack of everything is fine when there is nothing, and takes all there is`() async throws {
        try await Rig.run { rig in
            let raw = try rig.raw()
            try raw.open(1)
            try raw.send(BasicAck(deliveryTag: 0, multiple: true), on: 1)
            try raw.take(3, noAck: false)
            try raw.send(BasicAck(deliveryTag: 0, multiple: true), on: 1)
            try raw.send(BasicAck(deliveryTag: 0, multiple: true), on: 1)
            // Nothing is left to come again: the queue last declared is empty.
            try raw.ask(BasicRecover(requeue: true), BasicRecoverOk.self, on: 1)
            try raw.ask(BasicGet(queue: ""), BasicGetEmpty.self, on: 1)
        }
    }

    @Test func `C55: what came before cancel-ok can be settled, and nothing comes after it`() async throws {
        try await Rig.run { rig in
            let channel = try rig.connect().openChannel()
            let queue = try channel.temporaryQueue()
            try channel.prefetch(4)
            try channel.consume(queue, tag: "c")
            try channel.fill(queue, 1...10)
            try channel.cancel("c")
            let before = try channel.deliveriesSoFar(of: queue)
            #expect(before.map(\.body) == [[1], [2], [3], [4]])
            for delivery in before { try channel.ack(delivery) }
            #expect(try channel.deliveriesSoFar(of: queue).isEmpty)
            let status = try channel.declareQueue(queue, passive: true)
            #expect(status.messageCount == 6)
            #expect(status.consumerCount == 0)
        }
    }

    @Test func `C55: the cancel of a tag that nobody has is answered too`() async throws {
        try await Rig.run { rig in
            let channel = try rig.connect().openChannel()
            try channel.cancel("nobody")
            #expect(channel.isOpen)
        }
    }

    @Test func `C56: who consumes a deleted queue is told, gives no answer, and goes on`() async throws {
        try await Rig.run { rig in
            let connection = try rig.connect()
            let channel = try connection.openChannel()
            let neighbour = try connection.openChannel()
            let doomed = try neighbour.temporaryQueue()
            let kept = try neighbour.temporaryQueue()
            try channel.consume(doomed, tag: "doomed")
            try channel.consume(kept, tag: "kept")
            try channel.fill(doomed, 1...1)
            let held = try channel.delivery()
            try neighbour.deleteQueue(doomed)
            let deadline = MonotonicClock.deadline(in: Patience.long)
            while channel.cancelledConsumers.isEmpty, channel.pump(until: deadline) {}
            #expect(channel.takeCancelledConsumers() == ["doomed"])
            // The tag is the channel's, not the queue's: an ack is no error although the message is gone.
            try channel.ack(held)
            try channel.fill(kept, 2...2)
            #expect(try channel.delivery().body == [2])
            try channel.proveAlive()
        }
    }

    @Test func `C60: a queue named by the broker, and the empty name for the one declared last`() async throws {
        try await Rig.run { rig in
            let channel = try rig.connect().openChannel()
            let first = try channel.temporaryQueue()
            #expect(first.hasPrefix("amq.gen-"))
            let second = try channel.temporaryQueue()
            #expect(second != first)
            try channel.fill(second, 7...7)
            try channel.bindQueue("", to: "amq.fanout")
            #expect(try channel.get("")?.body == [7])
            try channel.consume("", tag: "c")
            try channel.fill(second, 8...8)
            #expect(try channel.delivery().body == [8])
            // Deleting what is not there is no error.
            #expect(try channel.deleteQueue(Broker.unique("missing")) == 0)
        }
    }
}
