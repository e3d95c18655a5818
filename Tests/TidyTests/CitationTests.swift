import Foundation
import Testing

/// Whoever has the repository has all that it speaks of.
@Suite struct CitationTests {
    @Test func `nothing cites a text that is neither in the repository nor a standard`() throws {
        // In two halves, so that this file is no finding.
        let names = ["DES" + "IGN", "FIE" + "LD", "REC" + "IPE", "VOCAB" + "ULARY", "STY" + "LE", "BEN" + "CH"]
            .joined(separator: "|")
        let ways = [
            "\\b(\(names))\\b", "\\bCONFORM" + "ANCE\\b(?!\\.md)", "\\.\\./sha" + "red\\b", "/wo" + "rk/",
            "\\b[Ii]ssue" + " #?[0-9]",
        ]
        let paragraph = "\u{a7}"  // its sign
        let standard = "AMQP 0-9-1|RFC [0-9]+|UAX #[0-9]+|Trace Context Level [0-9]"
        for (path, text) in Repository.everything {
            for found in try Repository.hits(ways.joined(separator: "|"), in: text) {
                Issue.record("\(path):\(found.line): say it here instead of citing '\(found.groups[0])'")
            }
            for line in try Repository.hits("(?m)^.*\(paragraph).*$", in: text) {
                let named = try !Repository.hits(standard, in: line.groups[0]).isEmpty
                #expect(named, "\(path):\(line.line): a paragraph of what? Name the standard on this line")
            }
        }
    }
}
