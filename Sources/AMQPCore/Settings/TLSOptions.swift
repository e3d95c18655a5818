/// How a TLS connection is made: whom to trust, what to show, what to check.
///
/// TLS 1.2 is the least that is spoken. The files are PEM; they are read anew for each connection, so that renewed
/// certificates are taken without a restart.
public struct TLSOptions: Sendable, Equatable {
    /// What of the server's certificate is checked.
    public enum Verification: String, Sendable, CaseIterable {
        /// That a trusted CA signed it, that it is valid today, and that it is for this host.
        case full
        /// As ``full``, but it may be for another host.
        case noHostname = "no_hostname"
        /// Nothing: whoever sits in between can read along.
        case none
    }

    /// The name that the server is asked for (SNI), and that its certificate has to be for.
    public enum ServerName: Sendable, Equatable {
        /// The endpoint's host; an address is checked, but never sent.
        case host
        /// This name in its place.
        case name(String)
        /// No name is sent and none is checked.
        case omitted
    }

    /// The CAs to trust; nil means those of the system.
    public var caFile: String?
    /// The client's certificate, followed by its intermediate CAs.
    public var certificateFile: String?
    /// The client certificate's private key; nil means that it is in ``certificateFile`` too.
    public var keyFile: String?
    /// What the private key is encrypted with.
    public var keyPassword: String?
    /// Full unless given.
    public var verification: Verification
    /// The endpoint's host unless given.
    public var serverName: ServerName

    /// Options with verification on; the rest is off unless given.
    public init(
        caFile: String? = nil,
        certificateFile: String? = nil,
        keyFile: String? = nil,
        keyPassword: String? = nil,
        verification: Verification = .full,
        serverName: ServerName = .host
    ) {
        self.caFile = caFile
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.keyPassword = keyPassword
        self.verification = verification
        self.serverName = serverName
    }
}

extension TLSOptions: CustomReflectable {
    /// What is printed of them, alone or as a part of something: everything but the key's password.
    public var customMirror: Mirror {
        Mirror(
            self,
            children: [
                "caFile": self.caFile as Any, "certificateFile": self.certificateFile as Any,
                "keyFile": self.keyFile as Any, "verification": self.verification, "serverName": self.serverName,
            ],
            displayStyle: .struct
        )
    }
}
