import AMQPClient
import AMQPWire
import Testing

@Suite struct AMQPErrorTests {
    static let codes: [ReplyCode] = [
        311, 312, 313, 320, 402, 403, 404, 405, 406, 501, 502, 503, 504, 505, 506, 530, 540, 541,
    ]

    static func error(_ code: ReplyCode, _ text: String = "words") -> AMQPError {
        AMQPError(AMQPError.Code(code), scope: .channel(1), text: text)
    }

    @Test func `one line: code, place, method, the broker's words, advice`() {
        let error = AMQPError(
            closeCode: 404,
            text: "no exchange 'media' in vhost '/'",
            classID: 50,
            methodID: 20,
            scope: .channel(7)
        )
        #expect(
            error.description
                == "404 NOT_FOUND on channel 7 after queue.bind: no exchange 'media' in vhost '/'. "
                + "Declare it in the job file, or correct the name."
        )
    }

    @Test func `no method is blamed by class 0, and no full stop is doubled`() {
        let error = AMQPError(closeCode: 541, text: "It broke.", classID: 0, methodID: 0, scope: .connection)
        #expect(error.method == nil)
        #expect(error.description == "541 INTERNAL_ERROR on the connection: It broke. The broker failed: see its log.")
    }

    @Test func `a call's error has no place, and none of ours needs advice`() {
        let error = AMQPError(.refusedLocally, scope: .call, text: "too long", method: .basicPublish)
        #expect(error.description == "refused after basic.publish: too long")
    }

    @Test(arguments: codes)
    func `1i: every code of the broker has a name and advice`(code: ReplyCode) {
        let error = Self.error(code)
        #expect(error.advice?.hasSuffix(".") == true)
        #expect(!error.code.description.contains("UNKNOWN"))
        #expect(error.code.description.hasPrefix("\(code.rawValue) "))
    }

    @Test func `1i: what can succeed later by itself`() {
        let transient = Self.codes.filter { Self.error($0).isTransient }.map(\.rawValue)
        #expect(transient == [311, 313, 320, 405, 506, 541])
        #expect(Self.error(403, "queue 'q' in vhost '/' in exclusive use").isTransient)
        #expect(!Self.error(403, "access to vhost '/' refused").isTransient)
        #expect(Self.error(406, "delivery acknowledgement on channel 1 timed out").isTransient)
        #expect(!Self.error(406, "inequivalent arg 'durable'").isTransient)
        for code: AMQPError.Code in [.timeout, .connectionLost, .heartbeatMissed] {
            #expect(AMQPError(code, scope: .connection, text: "").isTransient)
        }
        for code: AMQPError.Code in [.refusedLocally, .authenticationFailed, .protocolMismatch, .invalidSettings] {
            #expect(!AMQPError(code, scope: .connection, text: "").isTransient)
        }
    }

    @Test func `a code nobody defined keeps its number`() {
        #expect(AMQPError.Code(599).description == "599 UNKNOWN")
        #expect(Self.error(599).advice == nil)
    }
}
