import Foundation
import Millrace
import Testing

/// YAML in the guides is right: each listing, with what it leaves out, is a job file without an error or a warning.
@Suite struct DocumentedJobFileTests {
    struct Listing: CustomTestStringConvertible {
        let guide: String
        let text: String
        var testDescription: String { "\(self.guide): \(self.text.prefix { $0 != "\n" })" }
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path()

    static let listings: [Listing] = {
        var listings: [Listing] = []
        for module in ["AMQPClient", "MillraceHandler", "MillraceTracing", "Millrace"] {
            let folder = Self.root + "Sources/\(module)/\(module).docc"
            let walk = FileManager.default.enumerator(atPath: folder)
            while let name = walk?.nextObject() as? String {
                guard name.hasSuffix(".md"),
                    let text = try? String(contentsOfFile: folder + "/" + name, encoding: .utf8)
                else { continue }
                for part in text.components(separatedBy: "```yaml\n").dropFirst() {
                    listings.append(Listing(guide: name, text: part.components(separatedBy: "```")[0]))
                }
            }
        }
        return listings
    }()

    @Test func `there are some`() { #expect(Self.listings.count >= 10) }

    @Test(arguments: listings)
    func `each listing is part of a job file`(listing: Listing) {
        let text = Self.completed(listing.text)
        do {
            let file = try Self.parse(text)
            #expect(file.warnings.isEmpty, "\(file.warnings)\nin\n\(text)")
        } catch {
            Issue.record("\(error)\nin\n\(text)")
        }
    }

    @Test func `a listing with a mistake in it is found`() {
        for wrong in ["retry: { attempts: 5 }", "jobs:\n  a: { queue: a, handler: b.c, timeout: 30 }\n"] {
            #expect(throws: JobFileError.self) { try Self.parse(Self.completed(wrong)) }
        }
    }

    private static func parse(_ text: String) throws -> JobFile {
        try JobFile.parse(bytes: Array(text.utf8), file: "guide.yaml", environment: [:])
    }

    /// What belongs to a job is one's settings; what a whole file needs besides is added.
    private static func completed(_ listing: String) -> String {
        var text = listing
        let keys = Set(
            listing.split(separator: "\n").filter { $0.first?.isLetter == true }.map { $0.prefix { $0 != ":" } }
        )
        if !keys.isDisjoint(with: ["prefetch", "publish", "retry", "ack", "batch", "rate_limit"]) {
            let settings = listing.split(separator: "\n").map { "    \($0)\n" }.joined()
            text = "jobs:\n  orders:\n    queue: orders\n    handler: examples.order\n" + settings
        } else if !keys.contains("jobs") {
            text += "jobs: { orders: { queue: orders, handler: examples.order } }\n"
        }
        if !keys.contains("version") { text = "version: 1\n" + text }
        if !keys.contains("connection") { text += "connection: { uri: \"amqp://localhost\" }\n" }
        if !keys.contains("plugins") { text += "plugins: [libExamples.so]\n" }
        return text
    }
}
