/// What an embedded broker is to be.
public struct BrokerSettings: Sendable {
    /// The release whose behaviour it has.
    public var profile: Profile
    /// Passwords by user.
    public var users: [String: String] = ["guest": "guest"]
    /// What users may do; who is not named here may do everything.
    public var permissions: [String: Permissions] = [:]
    /// The names of the virtual hosts.
    public var virtualHosts: [String] = ["/"]
    /// How many channels a connection may have.
    public var channelMax: UInt16 = 2047
    /// Octets of a frame, its head and end included.
    public var frameMax: UInt32 = 131_072
    /// Seconds, as proposed to clients; theirs is taken.
    public var heartbeat: UInt16 = 60
    /// Milliseconds from the connection to `connection.open`.
    public var handshakeTimeout: UInt64 = 10_000
    /// Milliseconds that a delivery may stay unsettled; nil for as long as it likes.
    public var consumerTimeout: UInt64? = 1_800_000
    /// Octets of the largest body.
    public var largestBody: Int
    /// Octets of messages from which on who publishes is not read any more, until a fifth less is held; nil for no limit.
    public var memoryLimit: Int?
    /// What names that the broker makes are drawn from: the same seed makes the same names.
    public var seed: UInt64

    /// Settings of a broker out of the box.
    public init(profile: Profile = .rabbitMQ310, seed: UInt64 = 1) {
        self.profile = profile
        self.largestBody = profile.largestBody
        self.seed = seed
    }
}
