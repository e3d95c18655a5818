import MillraceAdmin
import Testing

@Suite struct DoorRulesTests {
    private static let port = DoorRules.port(host: "127.0.0.1", isLoopback: true, token: nil, isReadOnly: false)
    private static let secret = "0123456789abcdef"

    @Test(arguments: ["localhost", "localhost:9394", "127.0.0.1:9394", "[::1]:9394", "[::1]"])
    func `this machine's own names come in`(_ host: String) {
        #expect(Self.port.refusal(of: .init(host: host)) == nil)
        #expect(Self.port.refusal(of: .init(isChange: true, host: host, origin: "http://" + host)) == nil)
    }

    @Test(arguments: [
        nil, "", "evil.example", "evil.example:9394", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1",
    ])
    func `another name was led here by somebody`(_ host: String?) {
        #expect(Self.port.refusal(of: .init(host: host))?.status == 403)
    }

    @Test(arguments: ["cross-site", "same-site", "", "x"]) func `a page of another site may not ask`(_ site: String) {
        #expect(Self.port.refusal(of: .init(host: "localhost", fetchSite: site))?.status == 403)
        #expect(DoorRules.socket.refusal(of: .init(host: "x", fetchSite: site))?.status == 403)
    }

    @Test func `a page of ours, and what is typed in, may`() {
        #expect(Self.port.refusal(of: .init(host: "localhost", fetchSite: "same-origin")) == nil)
        #expect(Self.port.refusal(of: .init(host: "localhost", fetchSite: "none")) == nil)
    }

    @Test(arguments: ["null", "http://evil.example", "https://localhost.evil", "http://localhost:1", "localhost"])
    func `the origin has to be the host`(_ origin: String) {
        let refusal = Self.port.refusal(of: .init(isChange: true, host: "localhost:9394", origin: origin))
        #expect(refusal?.status == 403)
    }

    @Test func `a token has to be shown, whole`() {
        let rules = DoorRules.port(host: "0.0.0.0", isLoopback: false, token: Self.secret, isReadOnly: false)
        #expect(rules.refusal(of: .init(host: "any.example", authorization: "Bearer \(Self.secret)")) == nil)
        for shown in [
            nil, "", "Bearer ", "Bearer \(Self.secret)x", "Bearer \(Self.secret.dropLast())", "Basic \(Self.secret)",
            Self.secret,
            "bearer \(Self.secret)", "Bearer " + String(repeating: "x", count: 16),
            "Bearer " + String(repeating: "0", count: 272),
        ] {
            #expect(
                rules.refusal(of: .init(host: "any.example", authorization: shown))?.status == 401,
                "\(shown ?? "nil")"
            )
        }
    }

    @Test func `a door that is read-only lets nobody change anything`() {
        let rules = DoorRules.port(host: "::1", isLoopback: true, token: nil, isReadOnly: true)
        #expect(rules.refusal(of: .init(host: "localhost")) == nil)
        #expect(rules.refusal(of: .init(isChange: true, host: "localhost"))?.status == 403)
    }

    @Test func `at the socket any name comes in: the system guards it`() {
        #expect(DoorRules.socket.refusal(of: .init(isChange: true, host: "anything")) == nil)
        #expect(DoorRules.socket.refusal(of: .init(isChange: true)) == nil)
    }
}
