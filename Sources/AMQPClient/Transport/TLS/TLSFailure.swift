import Glibc
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
            ("EOF during handshake", { Self.closed("in the TLS handshake") }),
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
        let now = time(nil)
        if let certificate = self.certificate, certificate.notValidAfter < now {
            return Self.failure(
                "the server's certificate expired on \(Self.date(certificate.notValidAfter))",
                "Renew it on the server, or look at this machine's clock."
            )
        }
        if let certificate = self.certificate, certificate.notValidBefore > now {
            return Self.failure(
                "the server's certificate is not valid before \(Self.date(certificate.notValidBefore))",
                "Look at the clocks of both machines."
            )
        }
        let trusted = self.client.options.caFile.map { "by a CA in '\($0)'" } ?? "by a CA that this system trusts"
        return Self.failure(
            "the server's certificate is not signed \(trusted)",
            "Give the CA that signed it (cacertfile in the URI, ca_file in the job file);"
                + " a self-signed certificate is its own CA."
        )
    }

    var wrongHost: AMQPError {
        let asked = self.client.serverName ?? self.client.host
        let names = self.certificate.map(Self.names) ?? ""
        return Self.failure(
            "the server's certificate is not for '\(asked)'" + (names.isEmpty ? "" : ", but for \(names)"),
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

    static func closed(_ when: String) -> AMQPError {
        Self.failure(
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

    private static func date(_ time: time_t) -> String {
        var seconds = time
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
            + " \(two(parts.tm_hour)):\(two(parts.tm_min)) UTC"
    }

    /// The names and addresses in a certificate, at most five.
    private static func names(_ certificate: NIOSSLCertificate) -> String {
        let all = certificate._subjectAlternativeNames().compactMap { name -> String? in
            let octets = name.contents.withUnsafeBufferPointer { Array($0) }
            switch name.nameType {
            case .dnsName: return String(decoding: octets, as: UTF8.self)
            case .ipAddress where octets.count == 4: return octets.map(String.init).joined(separator: ".")
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
