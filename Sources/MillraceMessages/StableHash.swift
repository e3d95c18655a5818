/// FNV-1a of 64 bits: the same in every process and on every machine, which Swift's own hashes are not.
///
/// For names, not against somebody who wants two to be alike.
package struct StableHash: Sendable {
    private var value: UInt64 = 0xcbf2_9ce4_8422_2325

    package init() {}

    package mutating func add(_ octets: some Sequence<UInt8>) {
        for octet in octets { self.value = (self.value ^ UInt64(octet)) &* 0x100_0000_01b3 }
    }

    /// 16 hexadecimal digits.
    package var digits: String {
        let digits = String(self.value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// Names of queues that Millrace makes up from the names of others.
package enum DerivedName {
    /// `NAME.SUFFIX`, at most 255 octets: of a longer name the beginning and a hash, so that two do not meet.
    package static func of(_ name: String, _ suffix: String) -> String {
        if name.utf8.count + suffix.utf8.count + 1 <= 255 { return "\(name).\(suffix)" }
        var hash = StableHash()
        hash.add(name.utf8)
        return "\(CutText.cut(name, to: 200)).\(hash.digits).\(suffix)"
    }
}
