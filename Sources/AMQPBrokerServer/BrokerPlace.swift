/// Where clients reach an embedded broker.
public enum BrokerPlace: Sendable {
    /// A port of this machine; 0 for any that is free.
    case tcp(host: String, port: Int)
    /// A Unix socket.
    case unix(path: String)

    /// Any free port of the loopback interface.
    public static let loopback = Self.tcp(host: "127.0.0.1", port: 0)
}
