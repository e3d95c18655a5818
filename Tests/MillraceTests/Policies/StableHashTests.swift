import Millrace
import Testing

/// Names that every release and every machine makes up alike.
@Suite struct StableHashTests {
    @Test(arguments: [
        ("", "cbf29ce484222325"), ("a", "af63dc4c8601ec8c"), ("foobar", "85944171f73967e8"),
        ("orders6650", "00007d4a548ceef5"),
    ])
    func `it is FNV-1a, in sixteen digits`(_ text: String, _ digits: String) {
        var hash = StableHash()
        hash.add(text.utf8)
        #expect(hash.digits == digits)
        var inParts = StableHash()
        inParts.add(text.utf8.prefix(3))
        inParts.add(text.utf8.dropFirst(3))
        #expect(inParts.digits == digits)
    }

    @Test func `a name is whole as long as it fits, its dot counted`() {
        let longest = String(repeating: "q", count: 255 - ".delay".utf8.count)
        #expect(DerivedName.of(longest, "delay") == longest + ".delay")
        let longer = DerivedName.of(longest + "q", "delay")
        #expect(longer.utf8.count <= 255)
        #expect(longer.hasPrefix("qqq") && longer.hasSuffix(".delay"))
        #expect(longer != DerivedName.of(longest + "r", "delay"))
    }
}
