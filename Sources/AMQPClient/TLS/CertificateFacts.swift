import AMQPCore

/// What a certificate says of itself, for the sentence about its refusal; whether it is refused, BoringSSL decides.
struct CertificateFacts {
    /// RFC 5280's names for what a certificate is for (§4.2.1.12).
    private enum Purpose {
        static let any: [UInt8] = [0x55, 0x1D, 0x25, 0x00]
        static let server: [UInt8] = [0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01]
        static let client: [UInt8] = [0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02]
    }
    private enum Extension {
        static let keyUsage: [UInt8] = [0x55, 0x1D, 0x0F]
        static let basicConstraints: [UInt8] = [0x55, 0x1D, 0x13]
        static let extendedKeyUsage: [UInt8] = [0x55, 0x1D, 0x25]
    }
    private static let commonName: [UInt8] = [0x55, 0x04, 0x03]

    /// DER of both names, to be compared.
    private let issuer: [UInt8]
    private let subject: [UInt8]
    /// Nil for all.
    private var purposes: [[UInt8]]?
    /// The first octet of the bit string; nil for all.
    private var keyUsage: UInt8?
    /// Whether it may sign others.
    private(set) var isAuthority = false

    /// Nil if it is no certificate.
    init?(_ octets: [UInt8]) {
        var outer = DERReader(octets[...])
        guard let certificate = outer.next(0x30) else { return nil }
        var inner = DERReader(certificate.content)
        guard let signed = inner.next(0x30) else { return nil }
        var fields = DERReader(signed.content)
        _ = fields.next(0xA0)  // the version
        guard fields.next(0x02) != nil, fields.next(0x30) != nil, let issuer = fields.next(0x30),
            fields.next(0x30) != nil, let subject = fields.next(0x30)
        else { return nil }
        self.issuer = Array(issuer.whole)
        self.subject = Array(subject.whole)
        for field in fields.all() where field.tag == 0xA3 { self.readExtensions(field.content) }
    }

    private mutating func readExtensions(_ octets: ArraySlice<UInt8>) {
        var outer = DERReader(octets)
        guard let list = outer.next(0x30) else { return }
        var extensions = DERReader(list.content)
        while let one = extensions.next(0x30) {
            var parts = DERReader(one.content)
            guard let name = parts.next(0x06), let value = parts.all().last(where: { $0.tag == 0x04 }) else { continue }
            var content = DERReader(value.content)
            switch Array(name.content) {
            case Extension.extendedKeyUsage:
                guard let list = content.next(0x30) else { continue }
                var purposes = DERReader(list.content)
                self.purposes = purposes.all().map { Array($0.content) }
            case Extension.keyUsage: self.keyUsage = content.next(0x03)?.content.dropFirst().first
            case Extension.basicConstraints:
                guard let list = content.next(0x30) else { continue }
                var constraints = DERReader(list.content)
                self.isAuthority = constraints.next(0x01)?.content.first.map { $0 != 0 } ?? false
            default: continue
            }
        }
    }

    /// Whether its extended key usage allows a server.
    var isForServers: Bool { self.isFor(Purpose.server) }

    /// Whether its extended key usage allows a client.
    var isForClients: Bool { self.isFor(Purpose.client) }

    private func isFor(_ purpose: [UInt8]) -> Bool {
        self.purposes.map { $0.contains(purpose) || $0.contains(Purpose.any) } ?? true
    }

    /// Whether its key may sign a handshake, or take a secret or a key in.
    var allowsHandshakes: Bool { self.keyUsage.map { $0 & 0xA8 != 0 } ?? true }

    var isSelfSigned: Bool { self.issuer == self.subject }

    func isSigned(byName other: CertificateFacts) -> Bool { self.issuer == other.subject }

    var name: String { Self.commonName(self.subject) }
    var issuerName: String { Self.commonName(self.issuer) }

    /// The common name, or what stands last.
    private static func commonName(_ name: [UInt8]) -> String {
        var outer = DERReader(name[...])
        guard let list = outer.next(0x30) else { return "" }
        var sets = DERReader(list.content)
        var text = ""
        for set in sets.all() {
            var pairs = DERReader(set.content)
            for pair in pairs.all() {
                var parts = DERReader(pair.content)
                guard let type = parts.next(0x06), let value = parts.next() else { continue }
                text = String(decoding: value.content, as: UTF8.self)
                if type.content.elementsEqual(Self.commonName) { return text }
            }
        }
        return text
    }
}
