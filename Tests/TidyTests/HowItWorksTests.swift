import Foundation
import Testing

/// The page that shows newcomers around is true to the code, as far as a machine can tell.
@Suite struct HowItWorksTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path()

    private static func text(_ path: String) throws -> String {
        try String(contentsOfFile: Self.root + path, encoding: .utf8)
    }

    private static func page() throws -> String { try Self.text("Sources/Millrace/Millrace.docc/HowItWorks.md") }

    /// What stands under a heading, up to the next one of its kind.
    private static func section(_ title: String) throws -> String {
        let parts = try Self.page().components(separatedBy: "\n## \(title)\n")
        try #require(parts.count == 2, "no section '\(title)', or two")
        return parts[1].components(separatedBy: "\n## ")[0]
    }

    private static func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: Self.root + path) }

    /// Every Swift file below `Sources`, by its path from there.
    private static func sources() throws -> [String: String] {
        let walk = FileManager.default.enumerator(atPath: Self.root + "Sources")
        var sources: [String: String] = [:]
        while let path = walk?.nextObject() as? String {
            guard path.hasSuffix(".swift") else { continue }
            sources[path] = try Self.text("Sources/" + path)
        }
        return sources
    }

    /// Whether the code, its comments left out, declares something of this name.
    private static func declares(_ name: String, in text: String) throws -> Bool {
        let lines = text.components(separatedBy: "\n")
        let code = lines.filter { !$0.trimmingCharacters(in: .whitespaces).hasPrefix("//") }.joined(separator: "\n")
        let kinds = "func|case|var|let|struct|class|enum|protocol|actor|typealias"
        let pattern =
            name == "init"
            ? "[^A-Za-z0-9_.]init[?]?[(<]"
            : "[^A-Za-z0-9_](?:\(kinds)) `?\(name)`?(?![A-Za-z0-9_])"
        let declaration: Regex<AnyRegexOutput> = try Regex(pattern)
        return "\n\(code)".firstMatch(of: declaration) != nil
    }

    @Test func `each step names a file that is there, and what that declares`() throws {
        let page = try Self.page()
        let steps = page.matches(of: /(?m)^[0-9]+\. `([^`]+)` `([A-Za-z0-9_]+)`:\s/)
        let numbered = page.matches(of: /(?m)^[0-9]+\. `[^`]+\.(?:swift|h)`/)
        #expect(steps.count >= 60)
        #expect(steps.count == numbered.count, "a step without a name in backticks and a colon behind it")
        for step in steps {
            let (path, name) = (String(step.1), String(step.2))
            guard Self.isThere("Sources/" + path) else {
                Issue.record("there is no Sources/\(path)")
                continue
            }
            let isDeclared = try Self.declares(name, in: Self.text("Sources/" + path))
            #expect(isDeclared, "Sources/\(path) declares no '\(name)'")
        }
    }

    @Test func `what is only mentioned or called is no declaration`() throws {
        #expect(try !Self.declares("read", in: "    // func read(\n    self.read(buffer)\n    func readMore() {}"))
        #expect(try !Self.declares("init", in: "    self.init(options)\n    Pool.init()"))
        #expect(try Self.declares("init", in: "    init?(_ node: YAMLNode) {}"))
        #expect(try Self.declares("read", in: "    private func read<T>(_ of: T) {}"))
    }

    @Test func `every file that the page names is there`() throws {
        let names = try Self.page().matches(of: /`([A-Za-z0-9_+.\/-]+\.(?:swift|md|h|json|yaml))`/).map { String($0.1) }
        #expect(names.count > 200)
        for name in Set(names) where name.contains("/") {
            #expect(Self.isThere("Sources/" + name) || Self.isThere(name), "there is no \(name)")
        }
    }

    @Test func `every file that starts a thread or has a lock is in the section about them`() throws {
        let (threads, locks) = (try Self.section("Threads"), try Self.section("Locks"))
        var found = (threads: 0, locks: 0)
        for (path, text) in try Self.sources() {
            if text.contains("WorkerThread.start(") {
                found.threads += 1
                #expect(threads.contains("`\(path)`"), "\(path) starts a thread: say how many, and what it may touch")
            }
            if text.contains(/[=:] (?:Monitor|Mutex)[<(]/) {
                found.locks += 1
                #expect(locks.contains("`\(path)`"), "\(path) has a lock: say where it stands in the order")
            }
        }
        #expect(found.threads >= 8)
        #expect(found.locks >= 30)
    }
}
