/// One broker: its address, who logs in and how, and what of the connection is particular to it.
///
/// An `amqp://` or `amqps://` URI gives all of it (RabbitMQ URI specification).
public struct Endpoint: Sendable, Equatable {
    /// Host name or address, without the brackets of an IPv6 literal.
    public var host: String
    /// 1...65535; 5672, or 5671 with TLS, unless given.
    public var port: Int
    /// `guest` unless given.
    public var user: String
    /// `guest` unless given.
    public var password: String
    /// `/` unless given.
    public var virtualHost: String
    /// TLS, if the connection is encrypted.
    public var tls: TLSOptions?
    /// How to log in, in order of preference; the first that the broker offers too is taken.
    public var mechanisms: [LoginMechanism] = [.plain, .amqplain]
    /// Wins over ``ConnectionOptions/heartbeatSeconds`` when set.
    public var heartbeatSeconds: Int?
    /// Wins over ``ConnectionOptions/connectTimeout`` when set.
    public var connectTimeout: Duration?
    /// Wins over ``ConnectionOptions/channelMax`` when set.
    public var channelMax: Int?
    /// Wins over ``ConnectionOptions/frameMax`` when set.
    public var frameMax: Int?

    /// An address with the broker's defaults.
    public init(
        host: String,
        port: Int? = nil,
        user: String = "guest",
        password: String = "guest",
        virtualHost: String = "/",
        tls: TLSOptions? = nil
    ) {
        self.host = host
        self.port = port ?? Self.defaultPort(isEncrypted: tls != nil)
        self.user = user
        self.password = password
        self.virtualHost = virtualHost
        self.tls = tls
    }

    static func defaultPort(isEncrypted: Bool) -> Int { isEncrypted ? 5671 : 5672 }

    /// Host, port and vhost for logs, without credentials.
    public var address: String { "\(self.host):\(self.port), vhost '\(self.virtualHost)'" }
}

extension Endpoint: CustomReflectable {
    /// What is printed of it, alone or as a part of something: everything but the password.
    public var customMirror: Mirror {
        Mirror(
            self,
            children: [
                "host": self.host, "port": self.port, "user": self.user, "virtualHost": self.virtualHost,
                "tls": self.tls as Any, "mechanisms": self.mechanisms,
            ],
            displayStyle: .struct
        )
    }
}
