import AMQPCore

/// Walks over DER (ITU-T X.690), as far as certificates need it: tags of one octet, lengths up to four.
struct DERReader {
    /// One element: its tag, what is in it, and all of its octets.
    struct Element {
        let tag: UInt8
        let content: ArraySlice<UInt8>
        let whole: ArraySlice<UInt8>
    }

    private var rest: ArraySlice<UInt8>

    init(_ octets: ArraySlice<UInt8>) { self.rest = octets }

    /// Nil at the end, and where it makes no sense.
    mutating func next() -> Element? {
        let start = self.rest
        guard let tag = self.rest.popFirst(), let first = self.rest.popFirst() else { return nil }
        var length = Int(first)
        if first >= 0x80 {
            let octets = Int(first & 0x7F)
            guard (1...4).contains(octets), self.rest.count >= octets else { return nil }
            length = self.rest.prefix(octets).reduce(0) { $0 << 8 | Int($1) }
            self.rest = self.rest.dropFirst(octets)
        }
        guard length <= self.rest.count else { return nil }
        let content = self.rest.prefix(length)
        self.rest = self.rest.dropFirst(length)
        return Element(tag: tag, content: content, whole: start[..<content.endIndex])
    }

    /// The next element, if it has this tag.
    mutating func next(_ tag: UInt8) -> Element? {
        guard self.rest.first == tag else { return nil }
        return self.next()
    }

    mutating func all() -> [Element] {
        var elements: [Element] = []
        while let element = self.next() { elements.append(element) }
        return elements
    }
}
