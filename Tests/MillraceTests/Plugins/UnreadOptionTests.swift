import Millrace
import Testing

@Suite struct UnreadOptionTests {
    private static let limits = OptionValue.object([
        .init(key: "rows", value: .int(5)), .init(key: "rosw", value: .int(6)), .init(key: "a/b~c", value: .null),
    ])
    private static let options: [String: OptionValue] = [
        "bucket": .string("b"), "limits": Self.limits, "zeal": .bool(true),
    ]

    private static func names(_ read: String...) -> [String] {
        UnreadOption.all(in: Self.options, read: read).map(\.name)
    }

    @Test func `what was asked for is read, with all below it`() {
        #expect(Self.names("/bucket", "/limits", "/zeal") == [])
        #expect(Self.names("/bucket", "/limits/rows", "/limits/rosw", "/limits/a~1b~0c", "/zeal") == [])
        #expect(Self.names("") == [], "all of it")
    }

    @Test func `what was not is named, from the outermost key on`() {
        #expect(Self.names() == ["bucket", "limits", "zeal"])
        #expect(Self.names("/bucket", "/zeal", "/limits/rows") == ["limits.a/b~c", "limits.rosw"])
        #expect(Self.names("/bucket", "/zeal", "/limit") == ["limits"])
        #expect(Self.names("/bucket", "/zeal", "/limitsandmore") == ["limits"], "another key, not one below")
    }

    @Test func `what was asked for in vain and is near was probably meant`() {
        func nearest(_ key: String, _ read: String...) -> String? {
            UnreadOption.all(in: [key: .int(1)], read: read).first?.nearest
        }
        #expect(nearest("buket", "/bucket", "/zeal") == "bucket")
        #expect(nearest("buket", "/zeal", "/limits/bucket") == nil, "it belongs elsewhere")
        #expect(nearest("a/d", "/a~1b") == "a/b")
        let both: [String: OptionValue] = ["rows": .int(1), "rosw": .int(1)]
        #expect(UnreadOption.all(in: both, read: ["/rows"]).map(\.nearest) == [nil], "that one is there")
    }
}
