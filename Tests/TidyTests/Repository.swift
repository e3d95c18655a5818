import Foundation

/// The texts of the repository.
enum Repository {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path()

    /// The text files below a folder, by their path in the repository.
    private static func texts(_ folder: String) -> [String: String] {
        let walk = FileManager.default.enumerator(atPath: Self.root + folder)
        var texts: [String: String] = [:]
        while let name = walk?.nextObject() as? String {
            texts[folder + "/" + name] = try? String(contentsOfFile: Self.root + folder + "/" + name, encoding: .utf8)
        }
        return texts
    }

    /// All that people read: code, scripts and pages.
    static let everything: [String: String] = {
        var texts = ["Sources", "Tests", "Examples", "ops"].map(Self.texts).reduce(into: [:]) { $0.merge($1) { $1 } }
        for name in (try? FileManager.default.contentsOfDirectory(atPath: Self.root)) ?? [] {
            guard name.hasSuffix(".md") || name.hasSuffix(".swift") || name.hasSuffix(".yaml") else { continue }
            texts[name] = try? String(contentsOfFile: Self.root + name, encoding: .utf8)
        }
        return texts
    }()

    /// Where a pattern stands in a text.
    struct Hit {
        let line: Int
        /// What its groups took, the whole first.
        let groups: [String]
    }

    static func hits(_ pattern: String, in text: String) throws -> [Hit] {
        let whole = NSString(string: text)
        return try NSRegularExpression(pattern: pattern)
            .matches(in: text, range: NSRange(location: 0, length: whole.length)).map { match in
                let before = whole.substring(to: match.range.location)
                let groups = (0..<match.numberOfRanges).map { match.range(at: $0) }
                    .map { $0.location == NSNotFound ? "" : whole.substring(with: $0) }
                return Hit(line: before.components(separatedBy: "\n").count, groups: groups)
            }
    }
}
