import Foundation
import Testing

/// A DocC catalog.
struct Catalog: CustomTestStringConvertible {
    let module: String
    /// By name, without `.md`.
    let pages: [String: String]

    var testDescription: String { self.module }
    var folder: String { "Sources/\(self.module)/\(self.module).docc" }
    /// Its module, and those that it hands on: whoever imports it has their symbols too.
    var modules: [String] {
        let exports = Repository.everything["Sources/\(self.module)/Exports.swift"] ?? ""
        let handedOn = (try? Repository.hits("(?m)^@_exported public import (\\w+)$", in: exports)) ?? []
        return [self.module] + handedOn.map { $0.groups[1] }
    }
    /// Whether a file is of the code that the catalog is about.
    func isAbout(_ path: String) -> Bool { self.modules.contains { path.hasPrefix("Sources/\($0)/") } }

    /// The guides that a page's Topics list.
    func listed(on page: String) -> [String] {
        let parts = (self.pages[page] ?? "").components(separatedBy: "\n## Topics\n")
        guard parts.count == 2 else { return [] }
        return parts[1].split(separator: "\n").compactMap { line in
            line.hasPrefix("- <doc:") && line.hasSuffix(">") ? String(line.dropFirst(7).dropLast()) : nil
        }
    }

    /// The guides that the root page leads to, in its order.
    var reached: [String] {
        var reached: [String] = []
        var next = self.listed(on: self.module)
        while let page = next.first {
            next.removeFirst()
            guard !reached.contains(page) else { continue }
            reached.append(page)
            next.insert(contentsOf: self.listed(on: page), at: 0)
        }
        return reached
    }

    /// The decision records, by the number that their file's name begins with.
    var records: [(number: Int, name: String)] {
        self.pages.keys.sorted().compactMap { name in
            guard let number = Int(name.prefix(4)), name.dropFirst(4).hasPrefix("-") else { return nil }
            return (number, name)
        }
    }

    /// All of them.
    static let all: [Catalog] = {
        var catalogs: [String: [String: String]] = [:]
        for (path, text) in Repository.everything where path.hasSuffix(".md") {
            let parts = path.split(separator: "/")
            guard let catalog = parts.first(where: { $0.hasSuffix(".docc") }), let page = parts.last else { continue }
            catalogs[String(catalog.dropLast(5)), default: [:]][String(page.dropLast(3))] = text
        }
        return catalogs.keys.sorted().map { Catalog(module: $0, pages: catalogs[$0] ?? [:]) }
    }()
}
