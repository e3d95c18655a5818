import Glibc

/// The environment of programs: what this process has, without what is its own affair, and what the job file sets.
struct ProgramEnvironment: Sendable {
    /// `NAME=VALUE` and a NUL each.
    let entries: [[UInt8]]
    /// The variable PATH, or the usual one.
    let searchPath: String

    /// What the service manager tells this process alone.
    private static let ours: Set<String> = [
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
    ]

    /// - Parameters:
    ///   - inherited: `NAME=VALUE` each.
    ///   - withheld: Names of those that are not handed on.
    ///   - settings: Win over what is inherited.
    init(inherited: [[UInt8]], without withheld: [String], setting settings: [String: String]) {
        let left = Self.ours.union(withheld).subtracting(settings.keys)
        var entries: [[UInt8]] = []
        var path: String?
        for entry in inherited {
            guard let equals = entry.firstIndex(of: 0x3D), equals > 0, !(0x30...0x39).contains(entry[0]) else {
                continue
            }
            let name = String(decoding: entry[..<equals], as: UTF8.self)
            let value = entry[(equals + 1)...]
            if left.contains(name) || settings[name] != nil || name.hasPrefix("MILLRACE_") || Self.isBroker(value) {
                continue
            }
            if name == "PATH" { path = String(decoding: value, as: UTF8.self) }
            entries.append(entry + [0])
        }
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
            entries.append(Array("\(name)=\(value)".utf8) + [0])
        }
        self.entries = entries
        self.searchPath = settings["PATH"] ?? path ?? "/usr/local/bin:/usr/bin:/bin"
    }

    /// Whether a value holds the URI of a broker, which may hold a password.
    private static func isBroker(_ value: ArraySlice<UInt8>) -> Bool {
        let text = String(decoding: value, as: UTF8.self).lowercased()
        return text.contains("amqp://") || text.contains("amqps://")
    }

    /// All of it for one message.
    func entries(adding variables: MessageVariables) -> [[UInt8]] { self.entries + variables.entries }

    /// Read when a handler is made: nobody changes it meanwhile.
    static var ofThisProcess: [[UInt8]] {
        var entries: [[UInt8]] = []
        var next = environ
        while let entry = next.pointee {
            entries.append(Array(UnsafeRawBufferPointer(start: entry, count: strlen(entry))))
            next += 1
        }
        return entries
    }
}
