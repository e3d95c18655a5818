import AMQPClient
import AMQPWire
import Testing

@Suite struct HeartbeatClockTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func `C14: one is due after half the interval without a write`() {
        var clock = HeartbeatClock(interval: 10 * Self.second, now: 0)
        clock.received(now: 4 * Self.second)
        #expect(clock.tick(now: 4 * Self.second) == .none)
        #expect(clock.tick(now: 5 * Self.second) == .send)
        #expect(clock.tick(now: 6 * Self.second) == .none)
        clock.sent(now: 9 * Self.second)
        #expect(clock.tick(now: 13 * Self.second) == .none)
        #expect(clock.tick(now: 14 * Self.second) == .send)
    }

    @Test func `C15: the peer is dead after two intervals of silence`() {
        var clock = HeartbeatClock(interval: 10 * Self.second, now: 0)
        #expect(clock.tick(now: 19 * Self.second) == .send)
        #expect(clock.tick(now: 20 * Self.second) == .peerDead(silentFor: 20 * Self.second))
        clock.received(now: 21 * Self.second)
        #expect(clock.tick(now: 22 * Self.second) == .none)
    }

    @Test func `interval 0 switches both ways off`() {
        var clock = HeartbeatClock(interval: 0, now: 0)
        #expect(clock.tick(now: 1000 * Self.second) == .none)
    }
}

@Suite struct RPCSlotTests {
    @Test func `C59 C62: only the replies that were asked for, once`() {
        var slot = RPCSlot()
        #expect(slot.replyReceived(.basicQosOk) == .unexpected)
        slot.expect(.basicGetOk, or: .basicGetEmpty)
        #expect(slot.replyReceived(.basicQosOk) == .unexpected)
        #expect(slot.replyReceived(.basicGetEmpty) == .deliver)
        #expect(slot.replyReceived(.basicGetOk) == .unexpected)
    }
}

@Suite struct EndpointTests {
    @Test func `every part of a URI, percent-encoded`() throws {
        let endpoint = try Endpoint(uri: "amqp://us%40er:p%2Fw%3A@broker.example:5673/my%2Fhost")
        #expect(
            endpoint
                == Endpoint(host: "broker.example", port: 5673, user: "us@er", password: "p/w:", virtualHost: "my/host")
        )
    }

    @Test func `what is left out has the usual defaults`() throws {
        #expect(try Endpoint(uri: "amqp://") == Endpoint(host: "localhost"))
        #expect(try Endpoint(uri: "amqp://host") == Endpoint(host: "host"))
        #expect(try Endpoint(uri: "amqp://host/") == Endpoint(host: "host"))
        #expect(try Endpoint(uri: "amqp://[::1]:5673/%2F") == Endpoint(host: "::1", port: 5673))
    }

    @Test(arguments: [
        ("localhost", "scheme"), ("http://x", "'http'"), ("amqp://x:0", "port '0'"), ("amqp://x:70000", "port"),
        ("amqp://x/%zz", "percent-encoding"), ("amqp://x/a/b", "second '/'"), ("amqp://[::1", "']'"),
        ("amqp://u:secret@x:port", "port"),
    ])
    func `what is wrong is named, a password never`(uri: String, part: String) {
        let error = #expect(throws: AMQPError.self) { try Endpoint(uri: uri) }
        #expect(error?.code == .invalidSettings)
        #expect(error?.text.contains(part) == true, "\(error?.text ?? "")")
        #expect(error?.description.contains("secret") == false)
    }
}

@Suite struct AMQPErrorTests {
    @Test func `one line: code, place, method, the broker's words, advice`() {
        let error = AMQPError(
            closeCode: .notFound,
            text: "NOT_FOUND - no queue 'x' in vhost '/'",
            classID: 50,
            methodID: 10,
            scope: .channel(7)
        )
        #expect(
            error.description
                == "404 NOT_FOUND on channel 7 after queue.declare: NOT_FOUND - no queue 'x' in vhost '/'. "
                + "Declare it in the job file, or correct the name."
        )
    }

    @Test(
        arguments: [311, 312, 313, 320, 402, 403, 404, 405, 406, 501, 502, 503, 504, 505, 506, 530, 540, 541]
            as [UInt16]
    )
    func `every reply code has a name and advice`(code: UInt16) {
        let error = AMQPError(AMQPError.Code(ReplyCode(rawValue: code)), scope: .connection, text: "x")
        #expect(error.advice != nil)
        #expect(!error.code.description.contains("UNKNOWN"))
    }

    @Test func `C61: a consumer timeout is transient, a differing argument is not`() {
        func failed(_ text: String) -> AMQPError {
            AMQPError(closeCode: .preconditionFailed, text: text, classID: 0, methodID: 0, scope: .channel(1))
        }
        #expect(failed("PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out").isTransient)
        #expect(!failed("PRECONDITION_FAILED - inequivalent arg 'durable'").isTransient)
    }
}
