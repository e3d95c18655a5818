import CMillraceABI
import MillraceHandler
import Testing

@Suite
struct MessageTests {
    @Test func `body, address and hints arrive`() throws {
        let token = FakeToken([0x61, 0x00, 0xFF], exchange: "ex", routingKey: "a.ü", attempt: 4, redelivered: true)
        _ = try ClosureHandler.run("message", token) { message, _ in
            #expect(message.byteCount == 3)
            #expect(message.bodyBytes == [0x61, 0x00, 0xFF])
            #expect(message[2] == 0xFF)
            #expect(message.withBody { $0.count } == 3)
            #expect(message.bodyText == nil, "0xFF is not UTF-8")
            #expect(message.exchange == "ex")
            #expect(message.routingKey == "a.ü")
            #expect(message.attempt == 4)
            #expect(message.redelivered == true)
            return .ack
        }
        #expect(token.completions == [.init(MILLRACE_ACK)])
    }

    @Test func `an empty body is empty`() throws {
        let token = FakeToken([])
        _ = try ClosureHandler.run("empty message", token) { message, _ in
            #expect(message.byteCount == 0)
            #expect(message.bodyBytes == [])
            #expect(message.bodyText == "")
            #expect(message.exchange == "")
            #expect(message.redelivered == false)
            return .ack
        }
        #expect(token.completions == [.init(MILLRACE_ACK)])
    }

    @Test func `each property is asked for by its own number`() throws {
        let token = FakeToken("")
        let names: [millrace_property] = [
            MILLRACE_CONTENT_TYPE, MILLRACE_CONTENT_ENCODING, MILLRACE_CORRELATION_ID, MILLRACE_REPLY_TO,
            MILLRACE_EXPIRATION, MILLRACE_MESSAGE_ID, MILLRACE_TYPE, MILLRACE_USER_ID, MILLRACE_APP_ID,
        ]
        for name in names { token.properties[name.rawValue] = .string("p\(name.rawValue)") }
        token.properties[MILLRACE_DELIVERY_MODE.rawValue] = .integer(2)
        token.properties[MILLRACE_PRIORITY.rawValue] = .integer(9)
        token.properties[MILLRACE_TIMESTAMP.rawValue] = .integer(1_747_029_600)
        _ = try ClosureHandler.run("properties", token) { message, _ in
            let texts = [
                message.contentType, message.contentEncoding, message.correlationID, message.replyTo,
                message.expiration, message.messageID, message.type, message.userID, message.appID,
            ]
            #expect(texts == names.map { "p\($0.rawValue)" })
            #expect(message.deliveryMode == 2)
            #expect(message.priority == 9)
            #expect(message.timestamp == 1_747_029_600)
            return .ack
        }
        #expect(token.completions == [.init(MILLRACE_ACK)])
        #expect(token.wrongSizes.isEmpty)
    }

    @Test func `a property that is not there, or not what it should be, is nil`() throws {
        let token = FakeToken("")
        token.properties[MILLRACE_PRIORITY.rawValue] = .string("high")
        token.properties[MILLRACE_TYPE.rawValue] = .integer(1)
        _ = try ClosureHandler.run("no properties", token) { message, _ in
            #expect(message.contentType == nil)
            #expect(message.timestamp == nil)
            #expect(message.deliveryMode == nil)
            #expect(message.priority == nil)
            #expect(message.type == nil)
            return .ack
        }
        #expect(token.completions == [.init(MILLRACE_ACK)])
    }

    @Test func `all headers come by the octets of their names, and none from a host that is too old for it`() throws {
        let token = FakeToken("")
        token.headers = ["b": .bytes([1]), "a": .bool(true), "ü": .string("x"), "t": .table, "": .integer(7)]
        _ = try ClosureHandler.run("all headers", token) { message, _ in
            let all = message.allHeaders
            #expect(all.map { String(decoding: $0.name, as: UTF8.self) } == ["", "a", "b", "t", "ü"])
            #expect(all.map(\.value) == [.integer(7), .bool(true), .bytes([1]), .other, .string("x")])
            return .ack
        }
        let other = FakeToken("")
        other.headers = token.headers
        _ = try ClosureHandler.run("no headers", other, table: FakeHost.firstTable) { message, _ in
            #expect(message.allHeaders.isEmpty)
            return .ack
        }
        #expect(token.completions == [.init(MILLRACE_ACK)])
        #expect(other.completions == [.init(MILLRACE_ACK)])
    }

    @Test func `headers come in their types and stay when the next is read`() throws {
        let token = FakeToken("")
        token.headers = [
            "b": .bool(true), "i": .integer(.min), "d": .real(0.5), "ü": .string("tëxt"), "o": .bytes([0, 255]),
            "t": .table,
            "": .string(""),
        ]
        _ = try ClosureHandler.run("headers", token) { message, _ in
            let read = ["b", "i", "d", "ü", "o", "t", "", "missing"].map { message.header($0) }
            let expected: [HeaderValue?] = [
                .bool(true), .integer(.min), .double(0.5), .string("tëxt"), .bytes([0, 255]), .other, .string(""), nil,
            ]
            #expect(read == expected)
            return .ack
        }
        #expect(token.completions == [.init(MILLRACE_ACK)])
        #expect(token.wrongSizes.isEmpty)
    }
}
