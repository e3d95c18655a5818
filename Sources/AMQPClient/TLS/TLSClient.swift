import AMQPCore
import NIOCore
import NIOSSL

/// What a TLS connection to one endpoint needs, read and checked before there is a socket.
struct TLSClient {
    let context: NIOSSLContext
    /// The name for SNI; an address is never sent, and checked all the same.
    let serverName: String?
    let options: TLSOptions
    let host: String
    /// Those of ``TLSOptions/caFile``.
    let authorities: [NIOSSLCertificate]
    /// Why a server may well refuse our certificate.
    let certificateFault: CertificateFault?

    /// Reads the files: never on an event loop.
    ///
    /// - Throws: `.tlsFailed` that names the file, or `.invalidSettings`.
    init(_ options: TLSOptions, host: String) throws(AMQPError) {
        self.options = options
        self.host = host
        self.serverName = try Self.serverName(options, host)
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification =
            switch options.verification {
            case .full: options.serverName == .omitted ? .noHostnameVerification : .fullVerification
            case .noHostname: .noHostnameVerification
            case .none: .none
            }
        let authorities = try options.caFile.map { path throws(AMQPError) in try Self.certificates(path, "the CA file")
        }
        if let authorities { configuration.trustRoots = .certificates(authorities) }
        self.authorities = authorities ?? []
        var fault: CertificateFault?
        if let path = options.certificateFile {
            let chain = try Self.certificates(path, "the client certificate")
            configuration.certificateChain = chain.map { .certificate($0) }
            fault = chain.first.flatMap { CertificateFault(ofClient: $0) }
            configuration.privateKey = .privateKey(try Self.key(options.keyFile ?? path, options.keyPassword))
        } else if let path = options.keyFile {
            throw AMQPError(
                .invalidSettings,
                scope: .connection,
                text: "there is a client key, '\(path)', but no client certificate"
            )
        }
        self.certificateFault = fault
        do {
            self.context = try NIOSSLContext(configuration: configuration)
        } catch {
            guard let path = options.certificateFile else {
                throw AMQPError(.tlsFailed, scope: .connection, text: "TLS can not be set up: \(error)")
            }
            // BoringSSL takes no certificate whose key may not sign.
            if let fault { throw PEMFile.useless(path, "the client certificate", fault.what, advice: fault.advice) }
            throw PEMFile.useless(
                options.keyFile ?? path,
                "the client key",
                "does not fit the certificate '\(path)'",
                advice: "Give the key that the certificate was made for; the certificate's own comes first in its file."
            )
        }
    }

    /// Whether a server can take our certificate, and a server's can be valid by the CAs.
    func checkCertificates() throws(AMQPError) {
        if let path = self.options.certificateFile, let fault = self.certificateFault {
            throw PEMFile.useless(path, "the client certificate", fault.what, advice: fault.advice)
        }
        let faults = self.authorities.map { CertificateFault(timeOf: $0) }
        if let path = self.options.caFile, faults.allSatisfy({ $0 != nil }), let fault = faults.first ?? nil {
            throw PEMFile.useless(path, "the CA file", "holds a CA that \(fault.what)", advice: fault.advice)
        }
    }

    private static func serverName(_ options: TLSOptions, _ host: String) throws(AMQPError) -> String? {
        switch options.serverName {
        case .omitted: return nil
        case .host: return Self.isAddress(host) ? nil : host
        case .name(let name):
            guard !Self.isAddress(name), (1...255).contains(name.utf8.count), !name.utf8.contains(0) else {
                throw AMQPError(
                    .invalidSettings,
                    scope: .connection,
                    text: "the server name '\(name)' is not a host name"
                )
            }
            return name
        }
    }

    private static func isAddress(_ host: String) -> Bool { (try? SocketAddress(ipAddress: host, port: 0)) != nil }

    private static func certificates(_ path: String, _ what: String) throws(AMQPError) -> [NIOSSLCertificate] {
        let octets = try PEMFile.read(path, what)
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(octets), !certificates.isEmpty else {
            throw PEMFile.useless(path, what, "holds no certificate in PEM")
        }
        return certificates
    }

    private static func key(_ path: String, _ password: String?) throws(AMQPError) -> NIOSSLPrivateKey {
        let octets = try PEMFile.read(path, "the client key")
        do {
            guard let password else { return try NIOSSLPrivateKey(bytes: octets, format: .pem) }
            return try NIOSSLPrivateKey(bytes: octets, format: .pem) { take in take(password.utf8) }
        } catch {
            let isEncrypted = String(decoding: octets, as: UTF8.self).contains("ENCRYPTED")
            guard isEncrypted else { throw PEMFile.useless(path, "the client key", "holds no private key in PEM") }
            throw PEMFile.useless(
                path,
                "the client key",
                password == nil ? "is encrypted" : "is encrypted, with another password",
                advice: "Give the right password, or a key without one that nobody else may read."
            )
        }
    }
}

extension Endpoint {
    /// Reads and checks the files that TLS needs, without connecting.
    ///
    /// A certificate that is not valid now is refused here; when connecting, that is up to the server.
    ///
    /// - Throws: `.tlsFailed` that names the file, or `.invalidSettings`.
    public func checkTLSFiles() throws(AMQPError) {
        guard let tls = self.tls else { return }
        try TLSClient(tls, host: self.host).checkCertificates()
    }
}
