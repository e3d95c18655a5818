import Foundation
import Testing

/// Swift in the guides is a copy of code that is compiled.
@Suite struct DocumentedCodeTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path()

    private static func texts(_ folder: String, _ suffix: String) -> [String: String] {
        let walk = FileManager.default.enumerator(atPath: Self.root + folder)
        var texts: [String: String] = [:]
        while let name = walk?.nextObject() as? String {
            guard name.hasSuffix(suffix) else { continue }
            texts[name] = try? String(contentsOfFile: Self.root + folder + "/" + name, encoding: .utf8)
        }
        return texts
    }

    @Test func `each listing of the guides is in the examples or the tests`() {
        let code = ["Examples", "Tests/MillraceHandlerTests", "Tests/AMQPClientTests"]
            .map { Self.texts($0, ".swift") }
            .reduce(into: [:]) { $0.merge($1) { $1 } }
        var listings = 0
        let guides = ["MillraceHandler", "MillraceTracing", "Millrace", "AMQPClient"]
            .map { Self.texts("Sources/\($0)/\($0).docc", ".md") }
            .reduce(into: [:]) { $0.merge($1) { $1 } }
        for (guide, text) in guides {
            for part in text.components(separatedBy: "```swift\n").dropFirst() {
                let listing = part.components(separatedBy: "```")[0]
                listings += 1
                #expect(code.values.contains { $0.contains(listing) }, "\(guide): no compiled file has\n\(listing)")
            }
        }
        #expect(listings >= 9)
    }
}
