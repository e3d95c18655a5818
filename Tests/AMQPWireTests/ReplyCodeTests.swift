import AMQPWire
import Testing

@Suite struct ReplyCodeTests {
    @Test(arguments: [
        (200, "REPLY_SUCCESS", false), (311, "CONTENT_TOO_LARGE", false), (312, "NO_ROUTE", false),
        (313, "NO_CONSUMERS", false), (320, "CONNECTION_FORCED", true), (402, "INVALID_PATH", true),
        (403, "ACCESS_REFUSED", false), (404, "NOT_FOUND", false), (405, "RESOURCE_LOCKED", false),
        (406, "PRECONDITION_FAILED", false), (501, "FRAME_ERROR", true), (502, "SYNTAX_ERROR", true),
        (503, "COMMAND_INVALID", true), (504, "CHANNEL_ERROR", true), (505, "UNEXPECTED_FRAME", true),
        (506, "RESOURCE_ERROR", true), (530, "NOT_ALLOWED", true), (540, "NOT_IMPLEMENTED", true),
        (541, "INTERNAL_ERROR", true), (599, "UNKNOWN", false),
    ])
    func `every code has the specification's name and severity`(number: UInt16, name: String, isHard: Bool) {
        let code = ReplyCode(rawValue: number)
        #expect(code.description == "\(number) \(name)")
        #expect(code.isHardInSpec == isHard)
    }

    @Test func `constants have their numbers`() {
        #expect([.noRoute, .connectionForced, .notFound, .internalError] as [ReplyCode] == [312, 320, 404, 541])
    }
}
