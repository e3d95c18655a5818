import AMQPCore
import AMQPWire
import TestSupport
import Testing

@Suite struct ConnectionOptionsTests {
    struct BadOption: CustomTestStringConvertible {
        let testDescription: String
        let change: @Sendable (inout ConnectionOptions) -> Void
        init(_ text: String, _ change: @escaping @Sendable (inout ConnectionOptions) -> Void) {
            self.testDescription = text
            self.change = change
        }
    }
    static let bad = [
        BadOption("frameMax is 4096; it takes 0 or 8192 to 2147483647 octets") { $0.frameMax = 4096 },
        BadOption("frameMax is 5000; it takes 0 or 8192 to 2147483647 octets") { $0.frameMax = 5000 },
        BadOption("frameMax is -1; it takes 0 or 8192 to 2147483647 octets") { $0.frameMax = -1 },
        BadOption("channelMax is 100000; it takes 0 to 65535 channels") { $0.channelMax = 100_000 },
        BadOption("channelMax is -1; it takes 0 to 65535 channels") { $0.channelMax = -1 },
        BadOption("heartbeatSeconds is 86400; it takes 0 to 65535 seconds") { $0.heartbeatSeconds = 86_400 },
        BadOption("heartbeatSeconds is -1; it takes 0 to 65535 seconds") { $0.heartbeatSeconds = -1 },
        BadOption("bodyByteLimit is -1; it takes 0 to 4294967295 octets") { $0.bodyByteLimit = -1 },
        BadOption("outboxHighWater is -1; it takes 0 to \(Int.max) octets") { $0.outboxHighWater = -1 },
    ]

    /// Nothing listens at port 1: a connection that was tried would be lost.
    @Test(arguments: bad)
    func `C7 C9: a number out of its range is refused before anything is tried, with what it may be`(
        _ bad: BadOption
    ) {
        var options = Scripted.options
        bad.change(&options)
        let error = Scripted.error { [options] () throws(AMQPError) in
            _ = try Scripted.connect(Endpoint(host: "127.0.0.1", port: 1), options)
        }
        #expect(error?.code == .invalidSettings)
        #expect(error?.text == bad.testDescription)
    }

    @Test func `C7 C9: what the endpoint sets of its own is looked at too`() {
        var endpoint = Endpoint(host: "127.0.0.1", port: 1)
        endpoint.frameMax = 4096
        let error = Scripted.error { [endpoint] () throws(AMQPError) in _ = try Scripted.connect(endpoint) }
        #expect(error?.code == .invalidSettings)
    }

    @Test func `C7: the largest numbers are sent as they are to a server without limits of its own`() throws {
        var options = Scripted.options
        options.channelMax = 65_535
        options.frameMax = 8192
        options.heartbeatSeconds = 65_535
        try Scripted.run(options) { _ in
        } peer: { peer in
            let ok = try peer.handshake(channelMax: 0, frameMax: 0, heartbeat: 0)
            #expect(ok.channelMax == 65_535)
            #expect(ok.frameMax == 8192)
            #expect(ok.heartbeat == 65_535)
            try peer.finish()
        }
    }
}
