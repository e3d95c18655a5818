import Foundation
import Testing

/// What `ops/peers` keeps as expected is what the page says, with a reason for each failure.
@Suite struct PeersTests {
    private struct Result: Decodable {
        let passed: Int
        let skipped: Int
        let failed: [String: String]

        var cell: String { "\(self.passed), \(self.failed.count), \(self.skipped)" }
    }

    @Test func `the page on peers has the numbers that are kept`() throws {
        let page = try #require(Repository.everything["Sources/AMQPBroker/AMQPBroker.docc/Peers.md"])
        let text = try #require(Repository.everything["Tests/Peers/expected.json"])
        let kept = try JSONDecoder().decode([String: [String: Result]].self, from: Data(text.utf8))
        let columns = ["embedded", "rabbitmq", "embedded-4.0", "embedded-4.3"]
        #expect(Set(kept.keys).isSubset(of: columns))
        let embedded = try #require(kept["embedded"])
        #expect(embedded.count == 10)
        for suite in embedded.keys {
            #expect(kept["rabbitmq"]?[suite] != nil, "\(suite) has no control")
            let results = columns.map { kept[$0]?[suite] }
            let cells = results.map { $0?.cell ?? "not run" }.joined(separator: " | ")
            #expect(
                page.split(separator: "\n").contains {
                    $0.hasPrefix("| \(suite) | ") && $0.hasSuffix(" | \(cells) |")
                },
                "\(suite): \(cells)"
            )
            for (test, why) in results.compactMap({ $0 }).flatMap(\.failed) {
                #expect(why.count > 10, "\(suite): why does \(test) fail?")
            }
        }
    }
}
