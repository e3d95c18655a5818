import AMQPCore
import Testing

/// Who a broker says that we are.
@Suite struct LoginNameTests {
    private static let refusal = "PRECONDITION_FAILED - user_id property set to 'x' but authenticated user was "

    @Test(arguments: ["ann", "CN=ann,O=Example", "O'Hara", "anna ' b", "jürgen"])
    func `the name between the quotes`(name: String) {
        #expect(LoginName.inRefusal(Self.refusal + "'\(name)'") == name)
    }

    @Test(arguments: ["", "'", "''", "'CN=cut in the mid", "'a\u{FFFD}b'"])
    func `what is cut, empty or not legible is no name`(end: String) {
        #expect(LoginName.inRefusal(Self.refusal + end) == nil)
    }

    @Test func `other words name nobody`() {
        #expect(LoginName.inRefusal("ACCESS_REFUSED - write access to exchange 'amq.default'") == nil)
    }
}
