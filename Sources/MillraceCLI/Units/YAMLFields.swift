import Millrace

/// A piece of a YAML file that is not a job file, by its keys; what is not there is nil.
struct YAMLFields {
    private let node: YAMLNode
    private let source: SourceText

    /// Each document of a file.
    ///
    /// - Throws: What is wrong with one, as the reader of job files says it.
    static func documents(_ text: String, file: String) throws(YAMLProblem) -> [YAMLFields] {
        var documents: [YAMLFields] = []
        for document in Self.split(text) {
            let source = SourceText(file: file, bytes: document.utf8)
            let log = DiagnosticLog(source: source)
            let node = YAMLReader.read(Array(document.utf8), log: log)
            if log.hasErrors {
                throw YAMLProblem(
                    description: DiagnosticRenderer.render(log.diagnostics(), consequence: "it was not compared")
                )
            }
            if let node { documents.append(YAMLFields(node: node, source: source)) }
        }
        return documents
    }

    /// The documents, each with as many empty lines before it as lines of the file, and none that has nothing in it.
    private static func split(_ text: String) -> [String] {
        var documents: [[Substring]] = [[]]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.hasPrefix("---") && line.dropFirst(3).allSatisfy({ " \t\r".contains($0) }) {
                documents.append(Array(repeating: "", count: index + 1))
            } else {
                documents[documents.count - 1].append(line)
            }
        }
        return documents.filter { lines in
            lines.contains { !$0.allSatisfy(\.isWhitespace) && !$0.drop(while: \.isWhitespace).hasPrefix("#") }
        }.map { $0.joined(separator: "\n") }
    }

    var line: Int { self.source.place(of: self.node.span).line }

    subscript(key: String) -> YAMLFields? { self.pairs.first { $0.key == key }?.value }

    var pairs: [(key: String, value: YAMLFields)] {
        guard case .mapping(let pairs) = self.node.content else { return [] }
        return pairs.map { ($0.key, YAMLFields(node: $0.value, source: self.source)) }
    }

    var items: [YAMLFields] {
        guard case .sequence(let nodes) = self.node.content else { return [] }
        return nodes.map { YAMLFields(node: $0, source: self.source) }
    }

    var text: String? {
        guard case .scalar(let scalar) = self.node.content, !scalar.text.isEmpty || scalar.style != .plain else {
            return nil
        }
        return scalar.text
    }

    /// Its text, or those of its items.
    var texts: [String] { self.text.map { [$0] } ?? self.items.compactMap(\.text) }
}

/// A file can not be read as YAML.
struct YAMLProblem: Error, CustomStringConvertible {
    let description: String
}
