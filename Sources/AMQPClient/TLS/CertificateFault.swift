import AMQPCore
import Glibc
import NIOSSL

/// What is wrong with a certificate by itself, whoever looks at it.
struct CertificateFault {
    /// Goes on after the certificate's name: "expired on …".
    let what: String
    let advice: String

    /// Nil if it is valid now.
    init?(timeOf certificate: NIOSSLCertificate, now: time_t = time(nil)) {
        if certificate.notValidAfter < now {
            self.what = "expired on \(Self.date(certificate.notValidAfter))"
            self.advice = "Renew it, or look at this machine's clock."
        } else if certificate.notValidBefore > now {
            self.what = "is not valid before \(Self.date(certificate.notValidBefore))"
            self.advice = "Look at the clocks of both machines."
        } else {
            return nil
        }
    }

    /// Nil if a client may show it.
    init?(ofClient certificate: NIOSSLCertificate) {
        if let fault = CertificateFault(timeOf: certificate) {
            self = fault
            return
        }
        guard let facts = CertificateFacts(certificate) else { return nil }
        if !facts.isForClients {
            self.what = "is not one for clients: its extended key usage has no clientAuth"
            self.advice = "Have one made with extendedKeyUsage=clientAuth; serverAuth may stand beside it."
        } else if !facts.allowsHandshakes {
            self.what = "is not one for TLS: its key usage has no digitalSignature"
            self.advice = "Have one made with keyUsage=digitalSignature."
        } else {
            return nil
        }
    }

    /// Nil if a server may show it.
    init?(ofServer certificate: NIOSSLCertificate) {
        if let fault = CertificateFault(timeOf: certificate) {
            self = fault
            return
        }
        guard let facts = CertificateFacts(certificate) else { return nil }
        if !facts.isForServers {
            self.what = "is not one for servers: its extended key usage has no serverAuth"
            self.advice = "Give the server one made with extendedKeyUsage=serverAuth; clientAuth may stand beside it."
        } else if !facts.allowsHandshakes {
            self.what = "is not one for TLS: its key usage has neither digitalSignature nor keyEncipherment"
            self.advice = "Give the server one made with keyUsage=digitalSignature,keyEncipherment."
        } else {
            return nil
        }
    }

    private static func date(_ time: time_t) -> String {
        var seconds = time
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
            + " \(two(parts.tm_hour)):\(two(parts.tm_min)) UTC"
    }
}

extension CertificateFacts {
    init?(_ certificate: NIOSSLCertificate) {
        guard let octets = try? certificate.toDERBytes() else { return nil }
        self.init(octets)
    }
}
