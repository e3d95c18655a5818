import Foundation
import Testing

/// Inside a target dependencies point downward too: a folder names types of its own and of those before it, and no others.
@Suite struct FoldersTests {
    /// From the bottom up.
    private static let core = ["Text", "Errors", "Threads", "Settings", "Contents", "Machines", "Core", "Channel"]

    /// The code of each file below a folder, without comments, by path.
    private static func code(_ folder: String) throws -> [String: String] {
        try Repository.everything.filter { $0.key.hasPrefix(folder) && $0.key.hasSuffix(".swift") }.mapValues { text in
            try NSRegularExpression(pattern: "//[^\\n]*")
                .stringByReplacingMatches(
                    in: text,
                    range: NSRange(location: 0, length: text.utf16.count),
                    withTemplate: ""
                )
        }
    }

    private static func folder(_ path: String) -> String {
        path.split(separator: "/").dropFirst(2).first.map(String.init) ?? ""
    }

    @Test func `the folders of the core stand on each other`() throws {
        let code = try Self.code("Sources/AMQPCore/")
        #expect(Set(code.keys.map(Self.folder)) == Set(Self.core))
        var home: [String: String] = [:]
        for (path, text) in code {
            let declared = "(?m)^(?:(?:package|public|final|indirect) )*(?:class|struct|enum|protocol) (\\w+)"
            for hit in try Repository.hits(declared, in: text) { home[hit.groups[1]] = Self.folder(path) }
        }
        #expect(home.count > 80)
        for (path, text) in code {
            let own = Self.core.firstIndex(of: Self.folder(path)) ?? 0
            for word in try Set(Repository.hits("\\b[A-Z]\\w+\\b", in: text).map { $0.groups[0] }) {
                guard let there = home[word].flatMap({ Self.core.firstIndex(of: $0) }) else { continue }
                #expect(there <= own, "\(path) names \(word), of \(Self.core[there])/, which stands above it")
            }
        }
    }
}
