/// What a job file may cost to read; far above what people write, far below what hurts.
package enum YAMLLimits {
    package static let fileBytes = 1 << 20
    /// Lists and mappings within each other.
    package static let depth = 64
    /// Nodes as written.
    package static let nodes = 50_000
    /// Nodes that aliases stand for, all together.
    package static let aliasNodes = 100_000
    /// Characters that variables put in, all together.
    package static let expandedCharacters = 1 << 20
}
