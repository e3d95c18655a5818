import AMQPCore
import NIOSSL

/// The names in a certificate against the name that was asked for (RFC 9525 §6.3).
///
/// A common name is no host's name (RFC 9525 §2): NIOSSL takes one where there is no other. It takes a certificate for the
/// server's ADDRESS too when a name was asked for; then whoever may redirect the name could come with a certificate for a
/// machine of their own.
package enum HostNames {
    /// Whether a certificate with these DNS names is for `host`.
    ///
    /// `*` stands for the whole first label.
    package static func match(_ host: String, _ names: [String]) -> Bool {
        let wanted = Self.labels(host)
        return names.contains { name in
            let labels = Self.labels(name)
            if labels == wanted { return true }
            return labels.first == "*" && labels.count > 2 && labels.dropFirst() == wanted.dropFirst()
        }
    }

    private static func labels(_ name: String) -> [String] {
        var labels = name.lowercased().split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        if labels.last == "", labels.count > 1 { labels.removeLast() }
        return labels
    }

    /// The DNS names of a certificate; nil if it has no alternative names at all.
    static func dnsNames(_ certificate: NIOSSLCertificate) -> [String]? {
        let names = certificate._subjectAlternativeNames()
        guard !names.isEmpty else { return nil }
        return names.compactMap { name in
            guard name.nameType == .dnsName else { return nil }
            return String(decoding: name.contents.withUnsafeBufferPointer { Array($0) }, as: UTF8.self)
        }
    }
}
