import AMQPClient
import AMQPWire
import Millrace
import TestSupport
import Testing

extension OwnBrokerTests {
    /// Messages of which the broker takes no copy.
    struct UncopyableTests {
        @Test
        func `one that has become too large is dead by the broker's own hand, at once, and its neighbour is done`()
            async throws
        {
            try await OwnBrokerTests.run { _, node in
                let rig = try WaitingRig("amqp://\(node.endpoint.host):\(node.endpoint.port)")
                let file = try rig.file(queue: "{ dead_letter: { routing_key: \(rig.dead) } }", wait: "50ms")
                let log = RecordedLog()
                let supervisor = try rig.supervisor(file, log: log)
                try rig.withChannel(file) { channel in
                    let large = "fail 3 \(String(repeating: "x", count: 2000))"
                    try rig.publish([large, "fail 1 small"], channel)
                    // From here on neither a copy that waits nor a dead letter of ours can be placed.
                    try node.setLargestBody(1000)
                    let outcome = Result {
                        try supervisor.whileRunning {
                            #expect(supervisor.wait { $0.counts.acked == 1 && $0.counts.rejected == 1 })
                        }
                    }
                    try node.setLargestBody(OwnBroker.Node.largestBody)
                    #expect(try outcome.get() == .clean)
                    #expect(supervisor.counts.received == 3, "the large one once, the small one twice")
                    #expect(try rig.outputs(channel) == ["fail 1 small"])
                    let dead = try #require(try channel.get(rig.dead, noAck: true))
                    #expect(dead.body == Array(large.utf8))
                    let deaths = try dead.properties.headers?["x-death"]?.arrayValue
                    #expect(deaths?.first?.tableValue?["reason"]?.stringValue == "rejected")
                    #expect(
                        log.lines(
                            "a message can not be copied; the broker makes it a dead letter, without what we know of it"
                        )
                        .count == 1
                    )
                }
            }
        }
    }
}
