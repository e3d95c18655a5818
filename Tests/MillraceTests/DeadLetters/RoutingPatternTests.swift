import Millrace
import Testing

/// Which keys a topic binding takes.
@Suite struct RoutingPatternTests {
    @Test(arguments: [
        ("orders.dead", "orders.dead"), ("orders.*", "orders.dead"), ("*.dead", "orders.dead"), ("#", ""), ("#", "a"),
        ("#", "a.b.c"), ("a.#", "a"), ("#.c", "a.b.c"), ("a.#.c", "a.c"), ("a.#.#.c", "a.b.c"), ("", ""), ("*.b", ".b"),
        ("#.*", "a"),
    ])
    func `a key that matches`(_ pattern: String, _ key: String) { #expect(RoutingPattern.matches(pattern, key)) }

    @Test(arguments: [
        ("orders.dead", "orders"), ("orders.*", "orders"), ("*", "a.b"), ("*", ""), ("a.#", "b.a"), ("#.c", "c.d"),
        ("", "a"), ("a", ""), ("a*", "ab"), ("#.*", ""), ("A", "a"),
    ])
    func `a key that does not`(_ pattern: String, _ key: String) { #expect(!RoutingPattern.matches(pattern, key)) }

    @Test func `a pattern made to take for ever does not`() {
        let pattern = Array(repeating: "#.a", count: 60).joined(separator: ".")
        let key = Array(repeating: "a", count: 120).joined(separator: ".")
        #expect(RoutingPattern.matches(pattern, key))
        #expect(!RoutingPattern.matches(pattern + ".b", key))
    }
}
