/// What a supervisor works by, and what operators have changed of that.
struct ControlBoard {
    var file: JobFile
    var registry: PluginRegistry
    /// Whose file it is, for people and for `plan`.
    var identity: FileIdentity
    /// When that was loaded, in seconds since 1970.
    var loadedAt: Int64
    /// Why the last file that somebody wanted was refused; nil once one was taken.
    var refusal: (time: Int64, text: String)?
    var pools: [Pool] = []
    var overrides = Overrides()
    var history = ControlHistory()
    /// Why the control state is not kept, if so.
    var stateProblem: String?
    /// So many files were taken since the start.
    var generation = 0

    init(file: JobFile, registry: PluginRegistry, identity: FileIdentity, now: Int64) {
        self.file = file
        self.registry = registry
        self.identity = identity
        self.loadedAt = now
    }
}

/// Which job file that is.
package struct FileIdentity: Sendable, Equatable {
    /// As it was named.
    package var path: String
    /// Of its octets and of what its variables stood for; 16 hexadecimal digits.
    package var digest: String

    package init(path: String, digest: String) {
        self.path = path
        self.digest = digest
    }

    /// What people see of the digest.
    package var short: String { String(self.digest.prefix(8)) }
}
