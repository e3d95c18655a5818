/// Names of time zones: `Europe/Berlin`.
package enum ZoneName {
    /// Whether it is made like one, so that it leads to a file below the folder of zones and nowhere else.
    package static func isValid(_ name: String) -> Bool {
        guard (1...64).contains(name.utf8.count) else { return false }
        let parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count <= 3, let first = parts.first.map({ String($0) ?? "" }), !Self.others.contains(first) else {
            return false
        }
        return parts.allSatisfy { part in
            guard let letter = part.first, Self.isLetter(letter) else { return false }
            return part.allSatisfy { Self.isLetter($0) || (0x30...0x39).contains($0) || "_-+".utf8.contains($0) }
        }
    }

    /// What else is in the folder: the machine's own zone, copies of all the others, and those that count leap seconds.
    private static let others: Set<String> = ["localtime", "posixrules", "posix", "right", "leapseconds", "Factory"]

    private static func isLetter(_ octet: UInt8) -> Bool {
        (0x41...0x5A).contains(octet) || (0x61...0x7A).contains(octet)
    }

    /// The name that was probably meant, by `Berlin` too.
    package static func nearest(_ name: String, among names: [String]) -> String? {
        let last = Self.last(name).lowercased().replacing(" ", with: "_")
        if let city = names.first(where: { Self.last($0).lowercased() == last }) { return city }
        // Of as many as are compared at once, then of the best of each.
        var best: [String] = []
        for start in stride(from: 0, to: names.count, by: 200) {
            if let name = NearestName.of(name, among: names[start...].prefix(200)) { best.append(name) }
        }
        return NearestName.of(name, among: best)
    }

    private static func last(_ name: String) -> String {
        name.split(separator: "/").last.map(String.init) ?? name
    }
}
