import AMQPClient
import NIOCore
import NIOPosix
import TestSupport
import Testing

/// Calls that block, made on an event loop by somebody who does not know better.
@Suite struct EventLoopTests {
    private static func refused(_ call: () throws(AMQPError) -> Void) -> String? {
        guard let error = Scripted.error(call) else { return nil }
        return error.code == .refusedLocally && error.scope == .call ? error.text : "\(error)"
    }

    @Test func `who would wait for itself is refused; the connection goes on, and close does not wait`() throws {
        try Scripted.run { connection in
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let recovering = RecoveringConnection(to: [connection.endpoint], on: loop)
            let texts = try loop.submit {
                [
                    Self.refused { () throws(AMQPError) in _ = try Connection.connect(to: connection.endpoint, on: loop)
                    },
                    Self.refused { () throws(AMQPError) in _ = try connection.openChannel() },
                    Self.refused { () throws(AMQPError) in try connection.updateSecret("s", reason: "r") },
                    Self.refused { () throws(AMQPError) in try recovering.start() },
                    Self.refused { () throws(AMQPError) in _ = try recovering.connection() },
                ]
            }.wait()
            for text in texts { #expect(text?.contains("this one is an event loop") == true, "\(text ?? "no error")") }
            _ = try connection.openChannel()
            try loop.submit { connection.close() }.wait()
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.finish()
        }
    }
}
