import Foundation
import Testing

/// The map from conformance numbers to tests is whole.
@Suite struct ConformanceTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

    /// Files whose tests carry a number, by number.
    private static func suites() throws -> [Int: Set<String>] {
        let walk = FileManager.default.enumerator(atPath: Self.folder.path())
        var suites: [Int: Set<String>] = [:]
        while let name = walk?.nextObject() as? String {
            guard name.hasSuffix(".swift") else { continue }
            let text = try String(contentsOf: Self.folder.appending(path: name), encoding: .utf8)
            let file = URL(filePath: name).deletingPathExtension().lastPathComponent
            for test in text.matches(of: /func\s+`([^`]+)`/) {
                for number in test.1.matches(of: /\bC([0-9]+)\b/) {
                    if let number = Int(number.1) { suites[number, default: []].insert(file) }
                }
            }
        }
        return suites
    }

    /// The files that the table names, by number.
    private static func table() throws -> [Int: Set<String>] {
        let text = try String(contentsOf: Self.folder.appending(path: "CONFORMANCE.md"), encoding: .utf8)
        var rows: [Int: Set<String>] = [:]
        for row in text.matches(of: /(?m)^\| C([0-9]+) \|.*\| ([^|]*) \|$/) {
            guard let number = Int(row.1) else { continue }
            #expect(rows[number] == nil, "C\(number) stands twice in Tests/CONFORMANCE.md")
            let names = row.2.split(separator: "; ").flatMap { kind in
                kind.drop { $0 != " " }.split(separator: ",").map { String($0.drop { $0 == " " }) }
            }
            rows[number] = Set(names)
        }
        return rows
    }

    @Test func `every number has a test, and the table names it`() throws {
        let suites = try Self.suites()
        let table = try Self.table()
        #expect(table.keys.sorted() == Array(1...66))
        #expect(
            suites.keys.sorted() == Array(1...66),
            "a test that carries a number of no row, or a row without a test"
        )
        for number in 1...66 {
            #expect(table[number] == suites[number], "C\(number) in Tests/CONFORMANCE.md is stale: run ops/conformance")
        }
    }
}
