import AMQPClient
import Testing

@Suite struct MessageIDTests {
    @Test func `an identifier is a random UUID, and no two are alike`() throws {
        let all = (0..<1000).map { _ in MessageID.random() }
        #expect(Set(all).count == 1000)
        let form = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
        for id in all { #expect(id.wholeMatch(of: form) != nil, "\(id)") }
    }
}
