import Foundation
import Testing

/// Swift in the guides is a copy of code that is compiled, or is compiled by `ops/readme`.
@Suite struct DocumentedCodeTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path()

    private static func texts(_ folder: String, _ suffix: String) -> [String: String] {
        let walk = FileManager.default.enumerator(atPath: Self.root + folder)
        var texts: [String: String] = [:]
        while let name = walk?.nextObject() as? String {
            guard name.hasSuffix(suffix) else { continue }
            // Two folders may have files of one name.
            texts[folder + "/" + name] = try? String(contentsOfFile: Self.root + folder + "/" + name, encoding: .utf8)
        }
        return texts
    }

    @Test func `each listing of the guides is in the examples or the tests`() {
        let code = [
            "Examples", "Tests/MillraceHandlerTests", "Tests/MillraceTestingTests", "Tests/AMQPClientTests",
            "Tests/MillraceClientTests", "Tests/MillraceEmbeddedTests", "Tests/MillraceTestRunTests",
        ]
        .map { Self.texts($0, ".swift") }
        .reduce(into: [:]) { $0.merge($1) { $1 } }
        var listings = 0
        let guides = [
            "MillraceHandler", "MillraceTesting", "MillraceTestRun", "MillraceTracing", "MillraceClient", "Millrace",
            "AMQPClient",
        ]
        .map { Self.texts("Sources/\($0)/\($0).docc", ".md") }
        .reduce(into: [:]) { $0.merge($1) { $1 } }
        for (guide, text) in guides {
            let parts = text.components(separatedBy: "```swift\n")
            for (above, part) in zip(parts, parts.dropFirst()) {
                // A file of a package outside, which ops/readme builds.
                if above.hasSuffix(" -->\n"), above.split(separator: "\n").last?.hasPrefix("<!-- file: ") == true {
                    continue
                }
                let listing = part.components(separatedBy: "```")[0]
                listings += 1
                #expect(code.values.contains { $0.contains(listing) }, "\(guide): no compiled file has\n\(listing)")
            }
        }
        #expect(listings >= 9)
    }
}
