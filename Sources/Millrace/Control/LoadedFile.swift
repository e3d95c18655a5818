/// A job file that is right, and the plugins that it names.
package struct LoadedFile: Sendable {
    package let file: JobFile
    package let registry: PluginRegistry
    package let identity: FileIdentity

    package init(file: JobFile, registry: PluginRegistry, identity: FileIdentity) {
        self.file = file
        self.registry = registry
        self.identity = identity
    }
}

/// Why a job file can not be used: its diagnostics.
package struct LoadFailure: Error, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
