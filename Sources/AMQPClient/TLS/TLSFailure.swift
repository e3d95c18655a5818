import AMQPCore
import NIOCore
import NIOSSL

/// Why there is no TLS connection, in words that say what to do.
struct TLSFailure {
    let client: TLSClient
    /// The server's certificate, if it came as far as that.
    let certificate: NIOSSLCertificate?

    func error(_ cause: any Error) -> AMQPError {
        if let extra = cause as? NIOSSLExtraError, extra == .failedToValidateHostname { return self.wrongHost }
        // BoringSSL's reasons have stable names, but NIO gives them as text alone.
        let words = "\(cause)"
        for (sign, error) in self.signs where words.contains(sign) { return error() }
        return Self.failure("no TLS connection to \(self.client.host): \(Self.reason(words))", nil)
    }

    private var signs: [(String, () -> AMQPError)] {
        [
            ("CERTIFICATE_VERIFY_FAILED", { self.untrusted }),
            ("WRONG_VERSION_NUMBER", { Self.notTLS }), ("HTTP_REQUEST", { Self.notTLS }),
            ("PROTOCOL_VERSION", { Self.oldVersion }), ("UNSUPPORTED_PROTOCOL", { Self.oldVersion }),
            ("EOF during handshake", { self.closed("in the TLS handshake") }),
            ("ALERT_CERTIFICATE_REQUIRED", { self.certificateWanted }),
            ("ALERT_HANDSHAKE_FAILURE", { self.certificateWanted }),
            ("ALERT_UNKNOWN_CA", { self.certificateRefused("it does not trust the CA that signed it") }),
            ("ALERT_CERTIFICATE_EXPIRED", { self.certificateRefused("it has expired") }),
            ("ALERT_CERTIFICATE_REVOKED", { self.certificateRefused("it was revoked") }),
            ("ALERT_CERTIFICATE_UNKNOWN", { self.certificateRefused("it says no more") }),
            ("ALERT_BAD_CERTIFICATE", { self.certificateRefused("it says no more") }),
            ("ALERT_UNSUPPORTED_CERTIFICATE", { self.certificateRefused("it is not one for clients") }),
            ("ALERT_ACCESS_DENIED", { self.certificateRefused("access denied") }),
        ]
    }

    // MARK: What we refuse

    private var untrusted: AMQPError {
        guard let certificate = self.certificate else { return Self.unsigned(self.client, "") }
        if let fault = CertificateFault(ofServer: certificate) {
            return Self.failure("the server's certificate \(fault.what)", fault.advice)
        }
        guard let leaf = CertificateFacts(certificate) else { return Self.unsigned(self.client, "") }
        let authorities = self.client.authorities.compactMap { certificate in
            CertificateFacts(certificate).map { (facts: $0, certificate: certificate) }
        }
        guard let path = self.client.options.caFile,
            let signer = authorities.first(where: { leaf.isSigned(byName: $0.facts) })
        else {
            let issuer = leaf.isSelfSigned ? ": it is self-signed" : ": its issuer is '\(leaf.issuerName)'"
            return Self.unsigned(self.client, issuer)
        }
        let name = "the CA '\(signer.facts.name)' in '\(path)', which signed the server's certificate,"
        if let fault = CertificateFault(timeOf: signer.certificate) {
            return Self.failure("\(name) \(fault.what)", "Give the CA's new certificate. \(fault.advice)")
        }
        guard signer.facts.isAuthority else {
            return Self.failure("\(name) is no CA", "Give the CA's own certificate: one with basicConstraints=CA:TRUE.")
        }
        if !signer.facts.isSelfSigned, !authorities.contains(where: { signer.facts.isSigned(byName: $0.facts) }) {
            return Self.failure(
                "\(name) is signed by '\(signer.facts.issuerName)', which is not in that file",
                "Add that CA to the file: the chain has to end at a CA that signed itself."
            )
        }
        return Self.failure(
            "the server's certificate names '\(leaf.issuerName)' as its CA, and the one of that name in '\(path)'"
                + " did not sign it",
            "Give the CA that signed it; one that was made anew under its old name is another one."
        )
    }

    private static func unsigned(_ client: TLSClient, _ why: String) -> AMQPError {
        let trusted = client.options.caFile.map { "by a CA in '\($0)'" } ?? "by a CA that this system trusts"
        return Self.failure(
            "the server's certificate is not signed \(trusted)\(why)",
            "Give the CA that signed it (cacertfile in the URI, ca_file in the job file); a self-signed certificate is its"
                + " own CA. CAs in between are the server's to send, and one of them may have expired."
        )
    }

    var wrongHost: AMQPError {
        let asked = self.client.serverName ?? self.client.host
        guard let certificate = self.certificate, let names = HostNames.dnsNames(certificate) else {
            return Self.failure(
                "the server's certificate is for no host: it has no subject alternative name, and a common name does not"
                    + " count",
                "Have it made anew, with subjectAltName=DNS:\(asked) or IP:, as the host is given."
            )
        }
        if self.client.serverName == nil, names.contains(asked) {
            return Self.failure(
                "the server's certificate has the address '\(asked)' as a DNS name, where it does not count",
                "Have it made anew, with subjectAltName=IP:\(asked)."
            )
        }
        let all = Self.names(certificate)
        return Self.failure(
            "the server's certificate is not for '\(asked)'" + (all.isEmpty ? "" : ", but for \(all)"),
            "Connect by a name that is in it, or give that name (server_name_indication in the URI,"
                + " server_name in the job file)."
        )
    }

    // MARK: What the server refuses

    private var certificateWanted: AMQPError {
        if self.client.options.certificateFile == nil {
            return Self.failure(
                "the server refused the TLS handshake: it wants a client certificate, or has no cipher in common",
                "Give a client certificate and its key (certfile and keyfile in the URI,"
                    + " cert_file and key_file in the job file)."
            )
        }
        return self.certificateRefused("it says no more")
    }

    private func certificateRefused(_ why: String) -> AMQPError {
        guard let path = self.client.options.certificateFile else {
            return Self.failure("the server refused the TLS handshake: \(why)", "See the server's log.")
        }
        if let fault = self.client.certificateFault {
            return Self.failure("the server refused the client certificate '\(path)': it \(fault.what)", fault.advice)
        }
        return Self.failure(
            "the server refused the client certificate '\(path)': \(why)",
            "Give one for clients that is valid and signed by a CA that the server trusts (its cacertfile)."
        )
    }

    // MARK: No TLS at the other end

    private static var notTLS: AMQPError {
        Self.failure(
            "the server does not speak TLS on this port",
            "Use the TLS port (5671 unless set otherwise), or amqp:// for a connection without TLS."
        )
    }

    private static var oldVersion: AMQPError {
        Self.failure("the server speaks no TLS version of 1.2 or later", "Allow TLS 1.2 or 1.3 on the server.")
    }

    func closed(_ when: String) -> AMQPError {
        if let path = self.client.options.certificateFile, let fault = self.client.certificateFault {
            return Self.failure(
                "the server closed the connection \(when): the client certificate '\(path)' \(fault.what)",
                fault.advice
            )
        }
        return Self.failure(
            "the server closed the connection \(when)",
            "It may not speak TLS on this port (then use its TLS port, or amqp://), want a client certificate,"
                + " or refuse the one it got: see its log."
        )
    }

    // MARK: Words

    private static func failure(_ text: String, _ advice: String?) -> AMQPError {
        AMQPError(.tlsFailed, scope: .connection, text: text, advice: advice)
    }

    /// The reason out of BoringSSL's `error:1000007d:SSL routines:OPENSSL_internal:REASON at file:line`.
    private static func reason(_ words: String) -> String {
        guard let start = words.range("OPENSSL_internal:") else { return words }
        return String(words[start...].prefix { $0.isUppercase || $0.isNumber || $0 == "_" })
    }

    /// The names and addresses in a certificate, at most five.
    private static func names(_ certificate: NIOSSLCertificate) -> String {
        let all = certificate._subjectAlternativeNames().compactMap { name -> String? in
            let octets = name.contents.withUnsafeBufferPointer { Array($0) }
            switch name.nameType {
            case .dnsName: return String(decoding: octets, as: UTF8.self)
            case .ipAddress where octets.count == 4: return octets.map(String.init).joined(separator: ".")
            case .ipAddress: return (try? SocketAddress(packedIPAddress: ByteBuffer(bytes: octets), port: 0))?.ipAddress
            default: return nil
            }
        }
        return all.prefix(5).joined(separator: ", ") + (all.count > 5 ? ", …" : "")
    }
}

extension String {
    fileprivate func range(_ needle: String) -> String.Index? {
        var start = self.startIndex
        while start < self.endIndex {
            if self[start...].hasPrefix(needle) { return self.index(start, offsetBy: needle.count) }
            start = self.index(after: start)
        }
        return nil
    }
}
