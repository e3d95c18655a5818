/// The door for operators: the socket that `millrace status` and the others speak to.
public struct ControlSettings: Sendable, Equatable {
    /// The socket; nil is a place of the user's own, made from the job file's name.
    public var socket: String?
    /// The file in which what operators have changed outlives the process; nil is none.
    public var state: String?
    /// The name by which `millrace status --fleet` finds this supervisor and others, over the broker; nil answers nobody.
    public var fleet: String?

    /// The defaults.
    public init(socket: String? = nil, state: String? = nil, fleet: String? = nil) {
        self.socket = socket
        self.state = state
        self.fleet = fleet
    }
}

/// HTTP on a TCP port: health, metrics and the commands of operators.
public struct AdminSettings: Sendable, Equatable {
    /// An address of this machine, `127.0.0.1` or `::1` unless there is a token.
    public var host: String
    /// 0 is any that is free.
    public var port: Int
    /// A file that holds what a request has to show as `Authorization: Bearer`; nil is none.
    public var tokenFile: String?
    /// Whether requests that change something are refused; false unless given.
    public var isReadOnly: Bool

    /// Makes settings in code; nothing is checked.
    public init(host: String, port: Int, tokenFile: String? = nil, isReadOnly: Bool = false) {
        self.host = host
        self.port = port
        self.tokenFile = tokenFile
        self.isReadOnly = isReadOnly
    }

    /// Whether only this machine can reach it.
    package var isLoopback: Bool { self.host == "::1" || self.host.hasPrefix("127.") || self.host == "localhost" }
}
