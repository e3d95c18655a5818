/// What a user may do with queues and exchanges, as regular expressions for their names.
///
/// An expression matches a part of a name unless it says otherwise (`^`, `$`); an empty one matches nothing.
public struct Permissions: Sendable, Equatable {
    /// The virtual hosts that the user may open.
    public var virtualHosts: [String]
    /// What the user may declare and delete.
    public var configure: String
    /// What the user may publish and bind to.
    public var write: String
    /// What the user may consume, purge and bind from.
    public var read: String

    /// Permissions, all of them unless said otherwise.
    public init(
        virtualHosts: [String] = ["/"],
        configure: String = ".*",
        write: String = ".*",
        read: String = ".*"
    ) {
        self.virtualHosts = virtualHosts
        self.configure = configure
        self.write = write
        self.read = read
    }

    enum Access: String { case configure, write, read }

    func allow(_ access: Access, _ name: String) -> Bool {
        let pattern =
            switch access {
            case .configure: self.configure
            case .write: self.write
            case .read: self.read
            }
        if pattern == ".*" { return true }
        guard !pattern.isEmpty, let regex = try? Regex(pattern) else { return false }
        return name.contains(regex)
    }
}
