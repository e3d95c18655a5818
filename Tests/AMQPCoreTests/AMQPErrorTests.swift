import AMQPCore
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
                + "Declare it first, or correct the name."
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
        #expect(!Self.error(403, "access to queue 'exclusive-jobs' in vhost '/' refused for user 'u'").isTransient)
        #expect(Self.error(406, "delivery acknowledgement on channel 1 timed out").isTransient)
        #expect(!Self.error(406, "inequivalent arg 'durable'").isTransient)
        for code: AMQPError.Code in [.timeout, .connectionLost, .heartbeatMissed, .unreachable] {
            #expect(AMQPError(code, scope: .connection, text: "").isTransient)
        }
        for code: AMQPError.Code in [.refusedLocally, .authenticationFailed, .protocolMismatch, .invalidSettings] {
            #expect(!AMQPError(code, scope: .connection, text: "").isTransient)
        }
    }

    @Test func `who can not be reached gets advice that fits`() {
        func advice(_ reason: String) -> String? {
            AMQPError(.unreachable, scope: .connection, text: "no connection to a:5672: \(reason)").advice
        }
        #expect(advice("Connection refused") == "Nothing listens there: is the broker running, and is this its port?")
        #expect(advice("the name can not be resolved (Name or service not known)")?.contains("host's name") == true)
        for reason in ["No route to host", "Network is unreachable", "no answer in time"] {
            #expect(advice(reason) == "Is this its address, and does a firewall or a network stand between?")
        }
    }

    @Test func `a code nobody defined keeps its number`() {
        #expect(AMQPError.Code(599).description == "599 UNKNOWN")
        #expect(Self.error(599).advice == nil)
    }
}

@Suite struct AMQPErrorDetailTests {
    /// Words of RabbitMQ 3.10, and what they are about.
    struct Example: Sendable, CustomTestStringConvertible {
        let code: UInt16
        let text: String
        let entity: AMQPError.Entity?
        var difference: AMQPError.Difference?
        var testDescription: String { self.text }
    }

    private static func queue(_ name: String, _ host: String? = "/") -> AMQPError.Entity {
        AMQPError.Entity(kind: .queue, name: name, virtualHost: host)
    }

    static let examples = [
        Example(code: 404, text: "NOT_FOUND - no queue 'a b' in vhost '/'", entity: Self.queue("a b")),
        Example(code: 404, text: "NOT_FOUND - no queue 'it's' in vhost 'jobs'", entity: Self.queue("it's", "jobs")),
        Example(
            code: 404,
            text: "NOT_FOUND - no exchange 'x' in vhost '/'",
            entity: AMQPError.Entity(kind: .exchange, name: "x", virtualHost: "/")
        ),
        Example(
            code: 405,
            text: "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be"
                + " originally declared on another connection",
            entity: Self.queue("q")
        ),
        Example(
            code: 403,
            text: "ACCESS_REFUSED - exchange name 'amq.x' contains reserved prefix 'amq.*'",
            entity: AMQPError.Entity(kind: .exchange, name: "amq.x", virtualHost: nil)
        ),
        Example(
            code: 403,
            text: "ACCESS_REFUSED - operation not permitted on the default exchange",
            entity: AMQPError.Entity(kind: .exchange, name: "", virtualHost: nil)
        ),
        Example(
            code: 403,
            text: "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use",
            entity: Self.queue("q")
        ),
        Example(
            code: 530,
            text: "NOT_ALLOWED - vhost nope not found",
            entity: AMQPError.Entity(kind: .virtualHost, name: "nope", virtualHost: nil)
        ),
        Example(
            code: 530,
            text: "NOT_ALLOWED - access to vhost 'jobs' refused for user 'guest'",
            entity: AMQPError.Entity(kind: .virtualHost, name: "jobs", virtualHost: nil)
        ),
        Example(
            code: 406,
            text: "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but"
                + " current is 'false'",
            entity: Self.queue("q"),
            difference: AMQPError.Difference(argument: "durable", asked: "true", existing: "false")
        ),
        Example(
            code: 406,
            text: "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received none but"
                + " current is the value '1000' of type 'signedint'",
            entity: Self.queue("q"),
            difference: AMQPError.Difference(argument: "x-message-ttl", asked: nil, existing: "1000")
        ),
        Example(code: 406, text: "PRECONDITION_FAILED - unknown delivery tag 7", entity: nil),
        Example(code: 541, text: "INTERNAL_ERROR", entity: nil),
    ]

    @Test(arguments: Self.examples)
    func `1i: 403, 404, 405, 406 and 530 name what they are about, and 406 what differs`(example: Example) {
        let code = ReplyCode(rawValue: example.code)
        let error = AMQPError(closeCode: code, text: example.text, classID: 0, methodID: 0, scope: .channel(1))
        #expect(error.entity == example.entity)
        #expect(error.difference == example.difference)
    }

    @Test func `1i: the advice on a clash says what to ask for`() {
        let error = AMQPError(
            closeCode: 406,
            text:
                "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received the value"
                + " '5' of type 'signedint' but current is none",
            classID: 50,
            methodID: 10,
            scope: .channel(1)
        )
        #expect(
            error.advice
                == "Ask for x-message-ttl none instead of '5', or delete what exists and declare it again."
        )
    }

    @Test(arguments: [
        (
            "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.",
            "password"
        ),
        ("ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use", "Another consumer"),
        ("ACCESS_REFUSED - exchange name 'amq.x' contains reserved prefix 'amq.*'", "another one"),
        ("ACCESS_REFUSED - operation not permitted on the default exchange", "leave it out"),
        ("ACCESS_REFUSED - access to queue 'exclusive-jobs' in vhost '/' refused for user 'u'", "permissions"),
    ])
    func `1i: what 403 advises is about what was refused`(_ text: String, _ word: String) {
        let error = AMQPError(AMQPError.Code(403), scope: .connection, text: text)
        #expect(error.advice?.contains(word) == true)
    }
}
