import AMQPClient
import Millrace
import TestSupport
import Testing

extension OwnBrokerTests {
    /// Copies that are placed while an alarm has the broker read nothing, for longer than they are to wait.
    struct AlarmedCopiesTests {
        @Test func `what fails under an alarm is handled after it, each message once`() async throws {
            try await OwnBrokerTests.run { _, node in
                let rig = try WaitingRig("amqp://\(node.endpoint.host):\(node.endpoint.port)")
                // The first holds the thread until the alarm is there; those behind it fail then.
                let file = try rig.file(job: "    prefetch: 60", wait: "50ms")
                let sent = ["hold first"] + (0..<40).map { "fail 1 copy-\($0)" }
                let log = RecordedLog()
                let supervisor = try rig.supervisor(file, log: log)
                try rig.withChannel(file) { channel in
                    try rig.publish(sent, channel)
                    let status = try supervisor.whileRunning {
                        #expect(rig.gate.waitForBegin("first"))
                        try MemoryAlarmTests.underAlarm(node) {
                            rig.gate.open()
                            let blocked =
                                "the broker has blocked the connection: it reads nothing, acks included, until its alarm ends"
                            #expect(log.wait(for: blocked))
                            Busy.block(for: .seconds(1))  // longer than the waits
                        }
                        #expect(supervisor.wait { $0.counts.acked >= sent.count }, "\(supervisor.counts)")
                    }
                    #expect(status == .clean)
                    let outputs = try rig.outputs(channel)
                    #expect(Set(outputs) == Set(sent))
                    #expect(try channel.declareQueue(rig.queue, passive: true).messageCount == 0)
                }
            }
        }
    }
}
