/// The variables that a part of a file names, before they are put in.
enum VariableNames {
    /// - Returns: Each once, sorted.
    static func all(in node: YAMLNode) -> [String] {
        var names: Set<String> = []
        Self.collect(node, into: &names)
        return names.sorted()
    }

    private static func collect(_ node: YAMLNode, into names: inout Set<String>) {
        switch node.content {
        case .broken: break
        case .sequence(let items): for item in items { Self.collect(item, into: &names) }
        case .mapping(let pairs): for pair in pairs { Self.collect(pair.value, into: &names) }
        case .scalar(let scalar):
            var rest = scalar.text[...]
            while let dollar = rest.firstIndex(of: "$") {
                rest = rest[dollar...].dropFirst()
                if rest.first == "$" {
                    rest = rest.dropFirst()
                } else if rest.first == "{" {
                    let name = rest.dropFirst().prefix { $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }
                    if !name.isEmpty { names.insert(String(name)) }
                }
            }
        }
    }
}
