import AMQPClient
import AMQPWire
import Millrace
import Testing

/// Whether an output is to blame for the end of its channel.
@Suite struct OutputFaultTests {
    private static func error(_ code: ReplyCode, _ method: MethodID, _ text: String = "no") -> AMQPError {
        AMQPError(
            closeCode: code,
            text: text,
            classID: method.classID,
            methodID: method.methodID,
            scope: .channel(1)
        )
    }

    @Test func `what the broker can not do now is nobody's fault`() {
        #expect(OutputFault.isOfBroker(Self.error(.preconditionFailed, .txCommit)))
        #expect(OutputFault.isOfBroker(Self.error(.preconditionFailed, .basicPublish, "server is Low on Disk space")))
        #expect(OutputFault.isOfBroker(Self.error(.resourceError, .basicPublish)))
        #expect(OutputFault.isOfBroker(Self.error(.internalError, .basicPublish)))
    }

    @Test func `what is wrong with an output is its fault, and no error is nobody's`() {
        #expect(!OutputFault.isOfBroker(Self.error(.preconditionFailed, .basicPublish, "invalid expiration")))
        #expect(!OutputFault.isOfBroker(Self.error(.notFound, .basicPublish)))
        #expect(!OutputFault.isOfBroker(Self.error(.notFound, .txCommit)))
        #expect(!OutputFault.isOfBroker(Self.error(.accessRefused, .basicPublish)))
        #expect(!OutputFault.isOfBroker(nil))
    }
}
