import Foundation
import Testing

/// The guides are one house: whoever begins at a library's page comes to each of its guides and records, and no link leads
/// nowhere.
@Suite struct GuidesTests {
    @Test func `the rules see all pages`() {
        #expect(Catalog.all.count >= 5)
        #expect(Catalog.all.reduce(0) { $0 + $1.pages.count } >= 25)
        #expect(Catalog.all.reduce(0) { $0 + $1.records.count } >= 10)
        #expect(Repository.everything.count > 300)
    }

    @Test(arguments: Catalog.all)
    func `a catalog has a root page, and its Topics lead to every guide and record`(catalog: Catalog) {
        let page = catalog.pages[catalog.module]
        #expect(
            page?.hasPrefix("# ``\(catalog.module)``\n") == true,
            "\(catalog.folder) needs a page \(catalog.module).md that begins with # ``\(catalog.module)``"
        )
        let reached = catalog.reached
        for guide in catalog.pages.keys.sorted() where guide != catalog.module {
            #expect(
                reached.contains(guide),
                "\(catalog.folder): list <doc:\(guide)> in the Topics of \(catalog.module).md, where its reader needs it"
            )
        }
    }

    @Test(arguments: Catalog.all)
    func `each link to a guide finds it`(catalog: Catalog) throws {
        for (path, text) in Repository.everything where catalog.isAbout(path) {
            for link in try Repository.hits("<doc:([^>#]*)(#[^>]*)?>", in: text) {
                #expect(
                    catalog.pages[link.groups[1]] != nil,
                    "\(path):\(link.line): \(catalog.folder) has no guide '\(link.groups[1])'"
                )
            }
        }
    }

    @Test func `a guide is linked by its name: in the pages that docc makes a path leads nowhere`() throws {
        for (path, text) in Repository.everything where path.contains(".docc/") {
            for link in try Repository.hits("\\]\\(([^)#:][^):]*)\\)", in: text) {
                Issue.record("\(path):\(link.line): write <doc:NAME> instead of '\(link.groups[1])'")
            }
        }
    }

    /// What a heading is called in a link, by the rules of GitHub.
    private static func anchors(of text: String) throws -> Set<String> {
        let headings = try Repository.hits("(?m)^#+ (.*)$", in: text).map { $0.groups[1].lowercased() }
        return Set(
            headings.map { heading in
                String(heading.filter { $0.isLetter || $0.isNumber || "-_ ".contains($0) }.map { $0 == " " ? "-" : $0 })
            }
        )
    }

    @Test func `each link to a file, or to a heading in it, finds it`() throws {
        var links = 0
        for (path, text) in Repository.everything where path.hasSuffix(".md") {
            let folder = URL(filePath: Repository.root + path).deletingLastPathComponent()
            for link in try Repository.hits("\\]\\(([^)\\s#]*)(?:#([^)\\s]*))?\\)", in: text) {
                let (target, anchor) = (link.groups[1], link.groups[2].lowercased())
                if target.contains(":") { continue }  // https: and the like
                links += 1
                let file = target.isEmpty ? Repository.root + path : folder.appending(path: target).path()
                let place = "\(path):\(link.line)"
                #expect(FileManager.default.fileExists(atPath: file), "\(place): there is no '\(target)'")
                if anchor.isEmpty { continue }
                let found = try String(contentsOfFile: file, encoding: .utf8)
                let anchors = try Self.anchors(of: found)
                #expect(anchors.contains(anchor), "\(place): '\(target)' has no heading '\(anchor)'")
            }
        }
        #expect(links >= 20)
    }

    @Test(arguments: Catalog.all)
    func `each record is named on what it explains`(catalog: Catalog) {
        let code = Repository.everything.filter { catalog.isAbout($0.key) && $0.key.hasSuffix(".swift") }
        for (number, name) in catalog.records {
            let words = name.dropFirst(5).replacing("-", with: " ")
            let sentence = "/// Why: record \(number), \(words)."
            #expect(
                code.values.contains { $0.contains(sentence) },
                "\(catalog.folder): nothing in the code of \(catalog.module) says: \(sentence)"
            )
        }
    }

    @Test func `each cause that explain finds is in the guide, and in the description of the interface`() throws {
        let texts = Repository.everything
        let code = try #require(texts["Sources/Millrace/Control/Explanation.swift"])
        let guide = try #require(texts["Sources/Millrace/Millrace.docc/Operating.md"])
        let description = try #require(texts["Sources/MillraceAdmin/openapi.json"])
        let causes = Set(try Repository.hits(#"find\(\s*"([a-z-]+)""#, in: code).map { $0.groups[1] })
        #expect(causes.count >= 20)
        for cause in causes.sorted() {
            let (isInGuide, isDescribed) = (guide.contains("`\(cause)`"), description.contains("\"\(cause)\""))
            #expect(isInGuide, "Operating.md: the table of causes lacks `\(cause)`")
            #expect(isDescribed, "openapi.json: the enum of causes lacks \"\(cause)\"")
        }
    }

    @Test func `a record that is mentioned is there`() throws {
        var records: Set<Int> = []
        for number in Catalog.all.flatMap({ $0.records.map { $0.number } }) {
            #expect(records.insert(number).inserted, "two records have the number \(number)")
        }
        for (path, text) in Repository.everything where path.hasSuffix(".md") || path.hasSuffix(".swift") {
            for mention in try Repository.hits("\\b[Rr]ecord ([0-9]+)\\b", in: text) {
                let number = Int(mention.groups[1]) ?? 0
                #expect(records.contains(number), "\(path):\(mention.line): there is no record \(number)")
            }
        }
    }
}
