import AMQPBroker
import AMQPWire
import Differential
import Testing
import TestSupport

/// What the same scripts on a RabbitMQ have shown to be different, and is not any more.
@Suite struct FoundByScriptsTests {
    private static let quorum: FieldTable = ["x-queue-type": "quorum"]

    /// What a method is refused with, in a broker with a classic queue `c` and a quorum queue `q`.
    private func refusal(_ profile: Profile = .rabbitMQ310, of method: some AMQPMethod) throws -> String {
        let (_, client) = try Rig.open(profile)
        try client.declare("c")
        try client.declare("q", Self.quorum)
        try client.send(method)
        return try client.closeCode().text
    }

    @Test func `a delivery mode that means nothing is refused by 3.10 alone`() throws {
        for (profile, isTaken) in [(Profile.rabbitMQ310, false), (.rabbitMQ40, true)] {
            let (_, client) = try Rig.open(profile)
            try client.publish(to: "c", properties: BasicProperties(deliveryMode: 0))
            #expect(client.seen.isEmpty == isTaken)
            if isTaken { continue }
            #expect(
                try client.closeCode().text == "PRECONDITION_FAILED - invalid message: {delivery_mode_unknown,0}"
            )
        }
    }

    @Test func `of two exchanges that are not there the source is named`() throws {
        let text = try self.refusal(of: ExchangeBind(destination: "one", source: "two"))
        #expect(text == "NOT_FOUND - no exchange 'two' in vhost '/'")
    }

    @Test func `a priority that is none is found before the exclusive consumer`() throws {
        let (_, client) = try Rig.open()
        try client.declare("c")
        try client.ask(BasicConsume(queue: "c", consumerTag: "a", exclusive: true), .basicConsumeOk)
        try client.send(BasicConsume(queue: "c", consumerTag: "b", arguments: ["x-priority": "high"]))
        #expect(try client.closeCode().code == 406)
    }

    @Test func `the type of a queue is compared in its turn, and named as the release does`() throws {
        func text(_ profile: Profile, _ queue: String, _ arguments: FieldTable) throws -> Substring {
            let text = try self.refusal(profile, of: QueueDeclare(queue: queue, durable: true, arguments: arguments))
            return text.dropFirst("PRECONDITION_FAILED - inequivalent arg ".count)
        }
        let old = "received the value 'quorum' of type 'longstr' but current is none"
        #expect(try text(.rabbitMQ310, "c", Self.quorum) == "'x-queue-type' for queue 'c' in vhost '/': \(old)")
        let new = "received 'quorum' but current is 'classic'"
        #expect(try text(.rabbitMQ40, "c", Self.quorum) == "'x-queue-type' for queue 'c' in vhost '/': \(new)")
        let late: FieldTable = ["x-queue-type": "quorum", "x-message-ttl": 4]
        #expect(try text(.rabbitMQ40, "c", late).hasPrefix("'x-message-ttl'"))
        #expect(try text(.rabbitMQ40, "q", ["x-message-ttl": 4]).hasPrefix("'x-queue-type'"))
        #expect(try text(.rabbitMQ40, "c", ["x-expires": .table(["a": 1])]).contains("'[{<<\"a\">>,long,1}]'"))
    }

    @Test func `an argument that is void is none where two declarations differ, and the same number is the same`()
        throws
    {
        func text(_ first: FieldTable, _ second: FieldTable) throws -> Substring? {
            let (_, client) = try Rig.open()
            try client.ask(ExchangeDeclare(exchange: "e", type: "direct", arguments: first), .exchangeDeclareOk)
            try client.send(ExchangeDeclare(exchange: "e", type: "direct", arguments: second))
            if case .exchangeDeclareOk = client.seen.first?.method { return nil }
            return try client.closeCode().text.drop { $0 != ":" }.dropFirst(2)
        }
        let key = "alternate-exchange"
        #expect(try text([key: "x"], [key: .void]) == "received none but current is 'x'")
        #expect(try text([key: "x"], [:]) == "received none but current is the value 'x' of type 'longstr'")
        #expect(try text([key: "x"], [key: .bytes([120])]) == nil)
        #expect(try text([key: "x"], [key: .int64(1)]) == "received '1' but current is 'x'")
        let (_, client) = try Rig.open()
        try client.ask(QueueDeclare(queue: "t", durable: true, arguments: ["x-expires": 5]), .queueDeclareOk)
        for same in [FieldValue.timestamp(5), .uint8(5)] {
            try client.ask(QueueDeclare(queue: "t", durable: true, arguments: ["x-expires": same]), .queueDeclareOk)
        }
        try client.send(QueueDeclare(queue: "t", durable: true, arguments: ["x-expires": .double(5)]))
        #expect(try client.closeCode().code == 406)
    }

    @Test func `the type of a queue is looked at first, and what it does not have last`() throws {
        func text(_ arguments: FieldTable) throws -> String {
            try self.refusal(of: QueueDeclare(queue: "n", durable: true, arguments: arguments))
        }
        #expect(try text(["x-expires": -1, "x-queue-type": "odd"]).contains("'x-queue-type'"))
        let foreign: FieldTable = ["x-max-priority": "odd", "x-queue-type": "quorum"]
        #expect(try text(foreign).hasSuffix("'n' in vhost '/' of queue type rabbit_quorum_queue"))
    }

    @Test func `a prefetch for consumers ends the one for the channel`() throws {
        let (_, client) = try Rig.open()
        try client.declare("c")
        try client.ask(BasicQos(prefetchCount: 1, global: true), .basicQosOk)
        try client.ask(BasicConsume(queue: "c", consumerTag: "a"), .basicConsumeOk)
        for body in 1...3 as ClosedRange<UInt8> { try client.publish([body], to: "c") }
        #expect(try client.deliveries().map(\.body) == [[1]])
        try client.ask(BasicQos(prefetchCount: 2), .basicQosOk)
        #expect(try client.deliveries().map(\.body) == [[2], [3]])
    }

    @Test func `consumers of a queue that is deleted are cancelled by their tags`() throws {
        let (_, client) = try Rig.open()
        try client.declare("c")
        for (tag, priority) in [("b", 1), ("c", 2), ("a", 0)] as [(String, Int64)] {
            let arguments: FieldTable = ["x-priority": .int64(priority)]
            try client.ask(BasicConsume(queue: "c", consumerTag: tag, arguments: arguments), .basicConsumeOk)
        }
        try client.send(QueueDelete(queue: "c", noWait: true))
        let tags = client.takeSeen().compactMap { seen -> String? in
            guard case .basicCancel(let cancel) = seen.method else { return nil }
            return cancel.consumerTag
        }
        #expect(tags == ["a", "b", "c"])
    }

    @Test func `what a channel gives back is not for another one that ends with it`() throws {
        let (rig, client) = try Rig.open()
        try client.open(2)
        try client.declare("c")
        try client.publish(to: "c")
        try client.ask(BasicGet(queue: "c"), .basicGetOk)
        try client.ask(BasicConsume(queue: "c", consumerTag: "a"), on: 2, .basicConsumeOk)
        try client.send(ChannelOpen())
        #expect(try client.closeCode().code == 504)
        #expect(client.seen.isEmpty && rig.queue("c")?.ready == 1)
    }

    @Test func `a death tells the keys that are texts, and its expiration first or last by release`() throws {
        let death = ["count", "reason", "queue", "time", "exchange", "routing-keys"]
        for (profile, keys) in [
            (Profile.rabbitMQ310, death + ["original-expiration"]), (.rabbitMQ40, ["original-expiration"] + death),
        ] {
            let (_, client) = try Rig.open(profile)
            try client.declare("d")
            try client.declare("c", ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": "d"])
            let headers: FieldTable = ["CC": .array([1, "k"])]
            try client.publish(to: "c", properties: BasicProperties(headers: headers, expiration: "0"))
            try client.send(BasicGet(queue: "d"))
            let first = try client.next().properties.headers?["x-death"]?.arrayValue?.first?.tableValue
            #expect(first?.keys == keys)
            #expect(first?["routing-keys"] == .array(["c", "k"]))
        }
    }

    @Test func `what quorum queues can not do`() throws {
        let text = try self.refusal(of: QueueDelete(queue: "q", ifUnused: true))
        #expect(text.hasPrefix("NOT_IMPLEMENTED - cannot delete queue 'q' in vhost '/'."))
        let (_, client) = try Rig.open()
        try client.declare("s", ["x-queue-type": "quorum", "x-single-active-consumer": true])
        try client.send(BasicGet(queue: "s"))
        #expect(try client.closeCode().code == 405)
    }

    @Test func `a quorum queue hears of a closed channel with close-ok`() throws {
        for (type, consumers) in [("classic", 0), ("quorum", 1)] as [(FieldValue, Int)] {
            let (rig, client) = try Rig.open()
            try client.declare("k", ["x-queue-type": type])
            try client.ask(BasicConsume(queue: "k", consumerTag: "a"), .basicConsumeOk)
            try client.send(QueuePurge(queue: "missing"))
            #expect(try client.closeCode().code == 404)
            #expect(rig.queue("k")?.consumers == consumers)
            try client.send(ChannelCloseOk())
            #expect(rig.queue("k")?.consumers == 0)
        }
    }

    @Test func `how often a message was handed out, by release`() throws {
        for (profile, first, again) in [
            (Profile.rabbitMQ310, ["x-delivery-count"], ["x-delivery-count"]), (.rabbitMQ40, [], ["x-delivery-count"]),
            (.rabbitMQ43, [], ["x-acquired-count", "x-delivery-count"]),
        ] as [(Profile, [String], [String])] {
            let (_, client) = try Rig.open(profile)
            try client.declare("q", Self.quorum)
            try client.publish(to: "q")
            try client.send(BasicGet(queue: "q"))
            #expect(try client.next().properties.headers?.keys ?? [] == first)
            try client.send(BasicReject(deliveryTag: 1, requeue: true))
            try client.send(BasicGet(queue: "q"))
            #expect(try client.next().properties.headers?.keys ?? [] == again)
        }
    }

    @Test func `no routing key is no word, which one star is not`() throws {
        let (rig, client) = try Rig.open()
        try client.declare("c")
        for (key, count) in [("*", 0), ("#", 1)] {
            try client.ask(QueueBind(queue: "c", exchange: "amq.topic", routingKey: key), .queueBindOk)
            try client.publish(to: "", exchange: "amq.topic")
            #expect(rig.queue("c")?.ready == count)
        }
    }

    @Test func `a queue with priorities looks at the time of what was at its head when it last looked`() throws {
        let (rig, client) = try Rig.open()
        try client.declare("p", ["x-max-priority": 2])
        try client.publish([1], to: "p")
        try client.publish([2], to: "p", properties: BasicProperties(priority: 2, expiration: "100"))
        rig.pass(200)
        #expect(rig.queue("p")?.ready == 2)
        try client.send(BasicGet(queue: "p", noAck: true))
        #expect(try client.next().body == [2])
    }

    @Test func `a binding of another connection's exclusive queue is not taken away`() throws {
        let (rig, owner) = try Rig.open()
        try owner.ask(QueueDeclare(queue: "own", exclusive: true), .queueDeclareOk)
        try owner.ask(QueueBind(queue: "own", exchange: "amq.topic", routingKey: "k"), .queueBindOk)
        let other = try rig.connect()
        try other.open(1)
        try other.ask(QueueUnbind(queue: "own", exchange: "amq.topic", routingKey: "none"), .queueUnbindOk)
        try other.send(QueueUnbind(queue: "own", exchange: "amq.topic", routingKey: "k"))
        #expect(try other.closeCode().code == 405)
    }

    @Test func `of what a quorum queue can not be the first is named`() throws {
        let both = QueueDeclare(queue: "n", autoDelete: true, arguments: Self.quorum)
        #expect(try self.refusal(of: both).contains("'auto-delete'"))
        let exclusive = QueueDeclare(queue: "n", exclusive: true, arguments: Self.quorum)
        #expect(try self.refusal(of: exclusive).contains("'exclusive-owner'"))
    }

    @Test func `the prefetch of a channel holds for who takes without acks, and for no quorum queue`() throws {
        let (_, client) = try Rig.open()
        try client.declare("c")
        try client.declare("q", Self.quorum)
        try client.ask(BasicConsume(queue: "c", consumerTag: "acks"), .basicConsumeOk)
        try client.ask(BasicConsume(queue: "q", consumerTag: "quorum"), .basicConsumeOk)
        try client.ask(BasicQos(prefetchCount: 1, global: true), .basicQosOk)
        try client.publish(to: "c")
        #expect(try client.deliveries().count == 1)
        try client.declare("d")
        try client.publish(to: "d")
        try client.ask(BasicConsume(queue: "d", consumerTag: "none", noAck: true), .basicConsumeOk)
        #expect(client.seen.isEmpty)
        try client.publish(to: "q")
        #expect(try client.deliveries().count == 1)
    }

    @Test func `where an account of deaths was made up, 3_10 does not say which was the first`() throws {
        let (_, client) = try Rig.open()
        try client.declare("to")
        try client.declare("from", ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": "to"])
        try client.publish(
            to: "from",
            properties: BasicProperties(headers: ["x-death": "text"], expiration: "0")
        )
        try client.send(BasicGet(queue: "to", noAck: true))
        let headers = try client.next().properties.headers
        #expect(headers?["x-death"]?.arrayValue?.count == 1 && headers?["x-first-death-queue"] == nil)
    }

    @Test func `a queue that goes with its last consumer sends nothing of what that held to its dead letters`() throws {
        let (rig, client) = try Rig.open()
        try client.open(2)
        try client.declare("dead")
        let arguments: FieldTable = [
            "x-max-length": 0, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead",
        ]
        try client.ask(QueueDeclare(queue: "brief", autoDelete: true, arguments: arguments), .queueDeclareOk)
        try client.ask(BasicConsume(queue: "brief"), on: 2, .basicConsumeOk)
        try client.publish(to: "brief")
        #expect(try client.deliveries().count == 1)
        try client.ask(ChannelClose(replyCode: 200, replyText: ""), on: 2, .channelCloseOk)
        #expect(rig.queue("brief") == nil && rig.queue("dead")?.ready == 0)
    }
}

/// Frames in a wrong place, which end the connection.
@Suite struct MisplacedFrameTests {
    @Test func `C33: a number is not free before the client has the answer to its close`() throws {
        let rig = Rig()
        let client = try rig.connect()
        try client.open(1)
        let close = try Octets.method(ChannelClose(replyCode: 200, replyText: ""), on: 1)
        client.sendRaw(try close + Octets.method(ChannelOpen(), on: 1))
        try client.expect(.channelCloseOk)
        #expect(try client.closeCode() == (504, "CHANNEL_ERROR - second 'channel.open' seen"))
    }

    @Test func `C25 C35: close-ok in the middle of a content, and behind it`() throws {
        for isWhole in [false, true] {
            let rig = Rig()
            let client = try rig.connect()
            try client.open(1)
            try client.send(QueuePurge(queue: "missing"))
            try client.expect(.channelClose)
            let publish = try Octets.content(BasicPublish(routingKey: "k"), [1, 2], on: 1)
            client.sendRaw(isWhole ? publish : Array(publish.dropLast(10)))
            try client.send(ChannelCloseOk())
            if isWhole {
                try client.open(1)
            } else {
                #expect(try client.closeCode().code == 505)
            }
        }
    }

    @Test func `C21: a body whose frame does not end as it has to is not published, however it is cut`() throws {
        for cut in 0...4 {
            let rig = Rig()
            let client = try rig.connect()
            try client.open(1)
            try client.ask(QueueDeclare(queue: "q", durable: true), .queueDeclareOk)
            let whole = try Octets.content(BasicPublish(routingKey: "q"), [1, 2], on: 1)
            client.sendRaw(Array(whole.dropLast(cut)))
            client.sendRaw(Array(whole.suffix(cut)))
            #expect(rig.queue("q")?.ready == 1)
            client.sendRaw(Array((whole.dropLast() + [0]).dropLast(cut)))
            client.sendRaw(Array((whole.dropLast() + [0]).suffix(cut)))
            #expect(try client.closeCode().code == 501)
            #expect(rig.queue("q")?.ready == 1)
        }
    }

    @Test func `C26 C30: properties that can not be read are 541`() throws {
        let table: [UInt8] = [0, 0, 0, 4, 1, UInt8(ascii: "k"), UInt8(ascii: "Z"), 0]
        let start: [UInt8] = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        for header in [start + [0, 1, 0, 0], start + [0x20, 0] + table] {
            let rig = Rig()
            let client = try rig.connect()
            try client.open(1)
            try client.send(BasicPublish(routingKey: "k"))
            client.sendRaw(Octets.frame(Frame.header, 1, header))
            #expect(try client.closeCode() == (541, "INTERNAL_ERROR"))
        }
    }

    @Test(arguments: [("classic", 1), ("quorum", 2)])
    func `what is left behind a get: a quorum queue counts what is over already`(_ type: String, _ left: UInt32) throws
    {
        for profile in [Profile.rabbitMQ310, .rabbitMQ40, .rabbitMQ43] {
            let (rig, client) = try Rig.open(profile)
            try client.declare("q", ["x-queue-type": .string(type)])
            try client.publish([1], to: "q")
            try client.publish([2], to: "q", properties: BasicProperties(expiration: "0"))
            try client.publish([3], to: "q")
            guard case .basicGetOk(let got) = try client.ask(BasicGet(queue: "q"), .basicGetOk) else { return }
            #expect(got.messageCount == left)
            #expect(rig.queue("q")?.ready == 1)
            // One that is acked at once is done with before the rest is counted.
            try client.publish([4], to: "q", properties: BasicProperties(expiration: "0"))
            try client.publish([5], to: "q")
            guard case .basicGetOk(let last) = try client.ask(BasicGet(queue: "q", noAck: true), .basicGetOk) else {
                return
            }
            #expect(last.messageCount == 1)
        }
    }

    @Test func `a channel's prefetch counts what gets have taken before it was set, and their acks free no room`()
        throws
    {
        let (_, client) = try Rig.open()
        try client.declare("q")
        for body in 1...5 { try client.publish([UInt8(body)], to: "q") }
        try client.ask(BasicGet(queue: "q"), .basicGetOk)
        try client.ask(BasicQos(prefetchCount: 2, global: true), .basicQosOk)
        try client.ask(BasicConsume(queue: "q", consumerTag: "c"), .basicConsumeOk)
        #expect(try client.deliveries().map(\.tag) == [2])
        try client.send(BasicAck(deliveryTag: 1))
        #expect(try client.deliveries().isEmpty)
        try client.send(BasicAck(deliveryTag: 2))
        #expect(try client.deliveries().map(\.tag) == [3])
        // Another limit counts on; one after none counts anew.
        try client.ask(BasicQos(prefetchCount: 3, global: true), .basicQosOk)
        #expect(try client.deliveries().map(\.tag) == [4])
        try client.ask(BasicQos(prefetchCount: 0, global: true), .basicQosOk)
        #expect(try client.deliveries().map(\.tag) == [5])
    }

    @Test func `what a commit gives back comes behind its answer`() throws {
        let (_, client) = try Rig.open()
        try client.declare("q")
        try client.publish(to: "q")
        try client.ask(TxSelect(), .txSelectOk)
        try client.ask(BasicConsume(queue: "q", consumerTag: "c"), .basicConsumeOk)
        #expect(try client.deliveries().map(\.tag) == [1])
        try client.send(BasicNack(deliveryTag: 1, requeue: true))
        try client.ask(TxCommit(), .txCommitOk)
        #expect(try client.deliveries().map(\.tag) == [2])
    }
}
