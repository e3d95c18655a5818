/// One entry of `plugins`: a shared library that exports handlers.
public struct PluginReference: Sendable, Equatable {
    /// The library's path, resolved from the folder of the job file; it always holds a slash, so that the dynamic
    /// loader never searches for it elsewhere.
    public var path: String
    /// Where the entry stands.
    public var location: SourceLocation

    /// Makes a reference in code; nothing is checked.
    public init(path: String, location: SourceLocation) {
        self.path = path
        self.location = location
    }
}
