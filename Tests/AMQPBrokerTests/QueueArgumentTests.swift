import AMQPBroker
import AMQPWire
import Differential
import Testing

/// Arguments of queues, each as the releases take or refuse it.
@Suite struct QueueArgumentTests {
    private static let releases = [Profile.rabbitMQ310, .rabbitMQ40, .rabbitMQ43]

    /// What a declaration is refused with, from the argument's name on; nil if it is taken.
    private func refusal(_ profile: Profile, _ type: String, _ key: String, _ value: FieldValue) throws -> String? {
        let (_, client) = try Rig.open(profile)
        var arguments: FieldTable = ["x-queue-type": .string(type)]
        arguments[key] = value
        try client.send(QueueDeclare(queue: "q", durable: true, arguments: arguments))
        if case .queueDeclareOk = client.seen.first?.method { return nil }
        let text = try client.closeCode().text
        return text.hasPrefix("PRECONDITION_FAILED - invalid arg '\(key)' for queue 'q' in vhost '/'")
            ? String(text.split(separator: "vhost '/'", maxSplits: 1)[1]) : text
    }

    @Test func `what only another type of queue has is refused by its name`() throws {
        let foreign = [
            "classic": [
                "x-max-in-memory-length", "x-max-in-memory-bytes", "x-quorum-initial-group-size", "x-delivery-limit",
                "x-max-age", "x-stream-max-segment-size-bytes", "x-initial-cluster-size",
            ],
            "quorum": ["x-max-age", "x-stream-max-segment-size-bytes", "x-initial-cluster-size", "x-queue-mode"],
        ]
        for (type, keys) in foreign {
            for profile in Self.releases {
                for key in keys {
                    #expect(try self.refusal(profile, type, key, 3) == " of queue type rabbit_\(type)_queue")
                }
            }
        }
        let late = ["x-consumer-timeout", "x-delayed-retry-type", "x-delayed-retry-min", "x-stream-filter-size-bytes"]
        for key in late {
            #expect(try self.refusal(.rabbitMQ40, "classic", key, 100) == nil)
            #expect(try self.refusal(.rabbitMQ43, "classic", key, 100) == " of queue type rabbit_classic_queue")
        }
    }

    @Test func `what means nothing is refused with its reason`() throws {
        for profile in Self.releases {
            for key in ["x-max-in-memory-length", "x-max-in-memory-bytes"] {
                #expect(try self.refusal(profile, "quorum", key, -4) == ": {value_negative,-4}")
                #expect(try self.refusal(profile, "quorum", key, "a") == ": \"expected integer, got longstr\"")
                #expect(try self.refusal(profile, "quorum", key, 5) == nil)
            }
            #expect(try self.refusal(profile, "quorum", "x-quorum-initial-group-size", 0) == ": {value_zero,0}")
            #expect(try self.refusal(profile, "quorum", "x-quorum-initial-group-size", 3) == nil)
            let key = "x-queue-leader-locator"
            #expect(try self.refusal(profile, "quorum", key, "zzz") == ": invalid_queue_locator_arg")
            #expect(try self.refusal(profile, "quorum", key, .int32(3)) == ": {unacceptable_type,signedint}")
            #expect(try self.refusal(profile, "quorum", key, "balanced") == nil)
            #expect(try self.refusal(profile, "quorum", "x-delivery-limit", "x") == nil)
        }
        let key = "x-queue-leader-locator"
        #expect(try self.refusal(.rabbitMQ310, "classic", key, "balanced") == " of queue type rabbit_classic_queue")
        #expect(try self.refusal(.rabbitMQ40, "classic", key, "balanced") == nil)
        #expect(try self.refusal(.rabbitMQ40, "classic", key, "zzz") == ": invalid_queue_locator_arg")
    }

    @Test(arguments: ["classic", "quorum"])
    func `4.0 reads how long a queue's deliveries may be held, of the queue and not of its consumers`(
        _ type: String
    ) throws {
        func outcome(_ profile: Profile, ofQueue: FieldTable, ofConsumer: FieldTable) throws -> UInt16? {
            let (rig, client) = try Rig.open(profile)
            var arguments = ofQueue
            arguments["x-queue-type"] = .string(type)
            try client.declare("q", arguments)
            try client.publish(to: "q")
            try client.ask(BasicConsume(queue: "q", consumerTag: "c", arguments: ofConsumer), .basicConsumeOk)
            #expect(try client.deliveries().count == 1)
            rig.pass(1_000)
            return client.seen.isEmpty ? nil : try client.closeCode().code
        }
        let limit: FieldTable = ["x-consumer-timeout": 1_000]
        #expect(try outcome(.rabbitMQ40, ofQueue: limit, ofConsumer: [:]) == 406)
        #expect(try outcome(.rabbitMQ40, ofQueue: [:], ofConsumer: limit) == nil)
        #expect(try outcome(.rabbitMQ310, ofQueue: limit, ofConsumer: [:]) == nil)
    }
}
